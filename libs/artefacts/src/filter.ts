import type { PacketMatch, PacketSet, PacketSpace } from '#net';

/** One line of a list that a device reads top down; the first line that matches a packet decides. */
export interface FilterLine {
  readonly permits: boolean;
  /** A packet matches the line when it matches any of these. */
  readonly matches: readonly PacketMatch[];
  /** Line of the text, from 1; null for what the device adds by itself. */
  readonly at: number | null;
  readonly text: string;
}

/** What an artefact's text means on its device, for packets that come from the port. What no line matches is dropped. */
export type Filter = readonly FilterLine[];

export function filterPackets(space: PacketSpace, filter: Filter): PacketSet {
  return space.firstMatch(filter.map((line) => ({ permits: line.permits, matches: linePackets(space, line) })));
}

export const linePackets = (space: PacketSpace, { matches }: FilterLine): PacketSet =>
  space.union(matches.map((match) => space.match(match)));

/** Everything of both families, or of one. */
export const everything: PacketMatch = {};
export const allOf = (family: 4 | 6): PacketMatch => ({ family });
