import type { Diagnostic, SourceSpan } from '#base';
import type { Family, Interval, Prefix } from '#net';

/** From whom packets come: the list that an entry stands in says it, and `direction-initiated` who opens the connection. */
export type Direction = 'from-device' | 'to-device';

/** A manufacturer's description of one kind of device (RFC 8520), read and checked; what it means is said elsewhere. */
export interface MudFile {
  readonly url: string;
  readonly lastUpdate: string;
  /** Hours. */
  readonly cacheValidity: number;
  readonly isSupported: boolean;
  readonly systemInfo: string;
  readonly manufacturer: string | null;
  readonly model: string | null;
  /** In the order in which they are looked at. */
  readonly entries: Readonly<Record<Direction, readonly MudEntry[]>>;
}

/** An ACE of a list that a policy names. */
export interface MudEntry {
  readonly list: string;
  readonly name: string;
  readonly direction: Direction;
  readonly span: SourceSpan;
  /** Null: the list is about something other than IP. */
  readonly family: Family | null;
  readonly accepts: boolean;
  /** Null: there is a condition that can't be read, `problem` says which. */
  readonly matches: MudMatches | null;
  readonly problem: Diagnostic | null;
}

/** Conditions that must all hold; null is not looked at. Source and destination are those of the packet. */
export interface MudMatches {
  readonly protocol: number | null;
  readonly sourceName: string | null;
  readonly destinationName: string | null;
  readonly source: Prefix | null;
  readonly destination: Prefix | null;
  readonly sourcePorts: readonly Interval<number>[] | null;
  readonly destinationPorts: readonly Interval<number>[] | null;
  readonly icmpType: number | null;
  readonly icmpCode: number | null;
  readonly initiated: Direction | null;
  readonly peers: readonly MudPeer[];
}

/** Who the far side is, in words that the network must fill in (RFC 8520 §8.1). */
export type MudPeer =
  | { readonly kind: 'local-networks' | 'my-controller' | 'same-manufacturer' }
  | { readonly kind: 'controller' | 'manufacturer' | 'model'; readonly value: string };
