import { compareText, sha256 } from '#base';
import type { ObservedState, RuleCounter } from '../driver.js';
import { TerminalFault } from '../driver.js';
import { flowKey, formatFlow, readFlow, type Flow } from './flow.js';
import { cookies, entryPriority, isOurCookie, marks, type Layout } from './layout.js';
import { memberSets, readMember, setName } from './members.js';

/*
 * Reads what `render` wrote or what a session read: flows as `ovs-ofctl dump-flows` prints them, and ports. It knows nothing of
 * which flows `render` makes, so that a mistake there can't hide here; a flow that is no member's counts as a rule, whatever it is.
 */

const longestText = 256 * 1024 * 1024;

/** Everything of ours in a bridge, and whatever else stands in places that are ours. */
export interface Artefact {
  readonly flows: ReadonlyMap<string, Flow>;
  readonly ports: ReadonlyMap<string, number>;
}

export function parseArtefact(text: string): Artefact | null {
  if (text.length > longestText) throw new TerminalFault('the text is longer than 256 MiB');
  const flows = new Map<string, Flow>();
  const ports = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    if (line.startsWith('port ')) {
      const [name, vlan] = readPort(line);
      ports.set(name, vlan);
      continue;
    }
    const flow = readFlow(line);
    const key = flowKey(flow);
    if (flows.has(key)) throw new TerminalFault(`two flows have the same match: ${key.slice(0, 200)}`);
    flows.set(key, flow);
  }
  return flows.size + ports.size === 0 ? null : { flows, ports };
}

function readPort(line: string): [name: string, vlan: number] {
  const [, quoted = '', vlan = ''] = /^port (".*") tag=(\d{1,4})$/.exec(line) ?? [];
  try {
    return [JSON.parse(quoted) as string, Number(vlan)];
  } catch {
    throw new TerminalFault(`no port of ours: ${line.slice(0, 200)}`);
  }
}

export function parse(layout: Layout, text: string): ObservedState | null {
  const artefact = parseArtefact(text);
  return artefact && observe(layout, artefact);
}

export function observe(layout: Layout, { flows, ports }: Artefact): ObservedState {
  const membership = new Map<string, Set<string>>();
  for (const set of memberSets(layout, flows.values()).keys()) membership.set(set, new Set());
  const ruleIds = new Set<string>();
  const rules: string[] = [];
  for (const flow of flows.values()) {
    const member = readMember(layout, flow);
    if (member) {
      for (const set of member.sets.map(setName))
        membership.set(set, (membership.get(set) ?? new Set()).add(member.address));
      continue;
    }
    rules.push(formatFlow(flow));
    const id = lineOf(flow);
    if (id !== null) ruleIds.add(id);
  }
  return { rulesFingerprint: sha256(rules.sort(compareText).join('\n')), membership, ports, ruleIds };
}

/** Policy line that a flow counts for. */
export const lineOf = ({ cookie }: Flow): string | null =>
  isOurCookie(cookie) && cookie.startsWith(`0x${marks.line}`) ? cookie.slice(6) : null;

/** Of a dump of the whole bridge: our flows, and those of others that stand where only ours may, as canonical lines. */
export function ownFlows(layout: Layout, dump: string): string[] {
  return dumpLines(dump)
    .map(readFlow)
    .filter((flow) => isOurCookie(flow.cookie) || isInOurPlace(layout, flow))
    .map(formatFlow);
}

/** In our tables; or beside our entries, where OpenFlow leaves it open which of two flows a packet takes. */
function isInOurPlace({ tables }: Layout, { table, priority, fields }: Flow): boolean {
  if (table === 0)
    return priority === entryPriority && !fields.some((field) => /^(arp|rarp|dl_type=.*|mpls.*)$/.test(field));
  return table >= tables.enter && table <= tables.verdict;
}

const dumpLines = (dump: string): string[] =>
  dump.split('\n').filter((line) => line.trim() !== '' && !/^(OFPST|NXST)_FLOW reply/.test(line));

/** What the lines of a dump with statistics counted, and the final drops. */
export function parseCounters(dump: string): RuleCounter[] {
  const out = new Map<string, { packets: number; bytes: number }>();
  for (const line of dumpLines(dump)) {
    const flow = readFlow(line);
    const id = flow.cookie === cookies.denied ? 'denied' : lineOf(flow);
    if (id === null) continue;
    const { packets, bytes } = out.get(id) ?? { packets: 0, bytes: 0 };
    out.set(id, { packets: packets + countOf(line, 'n_packets'), bytes: bytes + countOf(line, 'n_bytes') });
  }
  return [...out].map(([id, counts]) => ({ id, ...counts }));
}

const countOf = (line: string, name: string): number => Number(new RegExp(`\\b${name}=(\\d+)`).exec(line)?.[1] ?? 0);
