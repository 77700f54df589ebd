import { formatPrefix, parsePrefix } from '#net';
import { TerminalFault } from '../driver.js';

/** One flow as `ovs-ofctl dump-flows` prints it, in canonical form. */
export interface Flow {
  readonly table: number;
  readonly priority: number;
  /** As printed: `0x…`. */
  readonly cookie: string;
  /** What a packet must have, sorted. */
  readonly fields: readonly string[];
  readonly actions: readonly string[];
  /** Time-outs and flags: none of ours has any. */
  readonly extras: readonly string[];
}

/** Two flows with the same key are the same flow to a switch: one takes the place of the other. */
export const flowKey = ({ table, priority, fields }: Flow): string =>
  [`table=${table}`, `priority=${priority}`, ...fields].join(',');

/** As text; equal flows give equal texts. */
export const formatFlow = (flow: Flow): string =>
  `cookie=${flow.cookie},${[...flow.extras, flowKey(flow)].join(',')},actions=${flow.actions.join(',')}`;

export const makeFlow = (flow: Omit<Flow, 'extras'>): Flow => ({
  ...flow,
  fields: [...flow.fields].sort(),
  extras: [],
});

const statistics = /^(duration|n_packets|n_bytes|idle_age|hard_age)=/;
const settings =
  /^((idle_timeout|hard_timeout|importance)=|(send_flow_rem|check_overlap|reset_counts|no_packet_counts|no_byte_counts)$)/;
const addressField = /^((?:ct_)?(?:nw|ipv6)_(?:src|dst))=(.+)$/;

/** A line of a dump, or of `formatFlow`. Throws `TerminalFault` on anything that is no flow. */
export function readFlow(line: string): Flow {
  const parts = /^(.*?)[, ] *actions=(.*)$/.exec(line.trim());
  if (!parts) throw new TerminalFault(`no line of \`ovs-ofctl dump-flows\`: ${line.slice(0, 200)}`);
  const flow = { table: 0, priority: 32_768, cookie: '0x0' };
  const fields: string[] = [];
  const extras: string[] = [];
  for (const word of parts[1]!.split(/[, ]+/)) {
    const [name, value = ''] = word.split('=', 2);
    if (name === 'table' || name === 'priority') flow[name] = Number(value);
    else if (name === 'cookie') flow.cookie = value;
    else if (settings.test(word)) extras.push(word);
    else if (word !== '' && !statistics.test(word)) fields.push(canonicalField(word));
  }
  if (!isByte(flow.table) || !(flow.priority <= 0xffff))
    throw new TerminalFault(`no line of \`ovs-ofctl dump-flows\`: ${line.slice(0, 200)}`);
  return { ...flow, fields: fields.sort(), extras: extras.sort(), actions: splitActions(parts[2]!) };
}

const isByte = (number: number): boolean => Number.isInteger(number) && number >= 0 && number <= 255;

/** Addresses have several spellings: `::10.20.0.1`, as inet_ntop(3) has it, is `::a14:1` here. */
function canonicalField(word: string): string {
  const [, name, value = ''] = addressField.exec(word) ?? [];
  if (name === undefined) return word;
  const text = value.includes(':') ? value.replace(/\d+\.\d+\.\d+\.\d+/, withoutDots) : value;
  const prefix = parsePrefix(text);
  return `${name}=${typeof prefix === 'string' ? text : formatPrefix(prefix)}`;
}

function withoutDots(dotted: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** At commas outside of parentheses. */
function splitActions(text: string): string[] {
  const out = [''];
  let depth = 0;
  for (const letter of text) {
    if (letter === '(') depth++;
    if (letter === ')') depth--;
    if (letter === ',' && depth === 0) out.push('');
    else out[out.length - 1] += letter;
  }
  return out;
}
