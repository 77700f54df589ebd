import type { Result } from '#base';
import { linesOf, LineWords, NotUnderstood, type PacketMatch, PacketSpace, readText, type TextLine } from '#net';
import { everything, linePackets, type Filter, type FilterLine } from '../filter.js';
import { readFields, type Flags } from './fields.js';

interface Flow {
  readonly priority: number;
  readonly permits: boolean;
  readonly line: TextLine;
  readonly match: PacketMatch;
  readonly flags: Flags;
  /** Everything but flags, as text: flows that differ in their flags alone. */
  readonly key: string;
}

/**
 * Flows of one table, as `ovs-ofctl add-flows` reads or `dump-flows` prints them (ovs-fields(7), ovs-ofctl(8)). The highest
 * priority decides; what no flow matches is dropped (OpenFlow 1.3 §5.4: the default of a table miss). Flows about ARP say
 * nothing about IP and are passed over.
 *
 * `+ack` alone and `+rst` alone are each less than "ACK or RST", the only thing modelled of flags: both must be there, with the
 * same priority and action. Flows of one priority that overlap with different actions have no defined meaning and are refused.
 */
export function parse(text: string): Result<Filter> {
  return readText('text', () => {
    const flows: Flow[] = [];
    const ports = new Map<string, TextLine>();
    const tables = new Map<string, TextLine>();
    for (const line of linesOf(text)) {
      const read = readFlow(line);
      if (!read) continue;
      ports.set(read.inPort, line);
      tables.set(read.table, line);
      if (read.flow) flows.push(read.flow);
    }
    for (const [what, found] of [
      ['in_port', ports],
      ['table', tables],
    ] as const) {
      const [, second] = found.values();
      if (second)
        throw new LineWords(second).fault(
          `is for another \`${what}\` than flows before it`,
          'give the flows of one port and one table',
        );
    }
    if (ports.size === 0)
      throw new NotUnderstood(null, 'there is no flow', 'give the output of `ovs-ofctl dump-flows BRIDGE`');
    const lines = pairFlags(flows).sort((a, b) => b.priority - a.priority);
    checkOverlaps(lines);
    return [
      ...lines.map(({ priority: _, ...line }) => line),
      { permits: false, matches: [everything], at: null, text: 'table miss: drop' },
    ];
  });
}

interface ReadFlow {
  readonly inPort: string;
  readonly table: string;
  /** Null for one that is not about IP. */
  readonly flow: Flow | null;
}

function readFlow(line: TextLine): ReadFlow | null {
  const text = line.text.trim();
  if (text === '' || text.startsWith('#') || /^(OFPST_FLOW|NXST_FLOW) reply/.test(text)) return null;
  const words = new LineWords(line);
  const parts = /^(.*?)[, ]\s*actions=(\S+)$/.exec(text);
  if (!parts) throw words.fault('has no `actions=` of one action');
  const permits = readActions(words, parts[2]!);
  const { priority, inPort, table, isArp, match, flags } = readFields(words, parts[1]!);
  const key = `${priority} ${permits} ${JSON.stringify(match, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))}`;
  return { inPort, table, flow: isArp ? null : { priority, permits, line, match, flags, key } };
}

/** Sent on, or not. What another table or a group would do is not looked at. */
function readActions(words: LineWords, actions: string): boolean {
  if (actions === 'drop') return false;
  if (/^(NORMAL|normal|(output:)?("[^"]+"|\d+))$/.test(actions)) return true;
  throw words.fault(`has the action \`${actions}\`, which is not modelled`);
}

interface PrioritizedLine extends FilterLine {
  readonly priority: number;
}

function pairFlags(flows: readonly Flow[]): PrioritizedLine[] {
  const flags = Map.groupBy(flows, ({ key }) => key);
  return flows.flatMap((flow): PrioritizedLine[] => {
    const { priority, permits, line, match } = flow;
    const of = (established: boolean | null): PrioritizedLine => ({
      priority,
      permits,
      matches: [{ ...match, ...(established !== null && { established }) }],
      at: line.at,
      text: line.text,
    });
    if (flow.flags === null) return [of(null)];
    if (flow.flags === '-ack-rst') return [of(false)];
    const other = flow.flags === '+ack' ? '+rst' : '+ack';
    if (!flags.get(flow.key)?.some((each) => each.flags === other))
      throw new LineWords(line).fault(
        `has \`tcp_flags=${flow.flags}\` without its twin \`${other}\`, so it is less than a reply`,
      );
    return flow.flags === '+ack' ? [of(true)] : [];
  });
}

function checkOverlaps(lines: readonly PrioritizedLine[]): void {
  const space = new PacketSpace();
  for (const same of Map.groupBy(lines, ({ priority }) => priority).values()) {
    if (same.every(({ permits }) => permits === same[0]!.permits)) continue;
    const union = (wanted: boolean) =>
      space.union(same.filter(({ permits }) => permits === wanted).map((line) => linePackets(space, line)));
    if (union(true).meets(union(false)))
      throw new NotUnderstood(
        same.at(-1)!.at,
        `flows of priority ${same[0]!.priority} overlap and do different things: which one wins is not defined`,
        'give them different priorities',
      );
  }
}
