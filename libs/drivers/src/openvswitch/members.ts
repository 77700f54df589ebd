import type { Family } from '#net';
import type { Flow } from './flow.js';
import { cookies, registers, type Ends, type Layout } from './layout.js';

/** The addresses of one class at one end of connections, in one family: what the artefact has of membership. */
export interface MemberSet {
  readonly end: Ends;
  /** Stands for the class in registers. */
  readonly number: number;
  readonly family: Family;
}

export const setName = ({ end, number, family }: MemberSet): string => `${end}_${number.toString(16)}_${family}`;

export function readSetName(name: string): MemberSet {
  const [end, number = '', family] = name.split('_');
  return { end: end as Ends, number: Number.parseInt(number, 16), family: family === '4' ? 4 : 6 };
}

const ends: readonly Ends[] = ['opener', 'answerer'];

/** The sets that the rules look at: each class number that stands in a condition on a register of its end. */
export function memberSets({ tables }: Layout, flows: Iterable<Flow>): Map<string, MemberSet> {
  const out = new Map<string, MemberSet>();
  for (const { table, fields } of flows) {
    if (table !== tables.rules) continue;
    const family = fields.includes('ip') ? 4 : 6;
    for (const end of ends)
      for (const field of fields) {
        const [, number] = new RegExp(`^reg${registers[end]}=(0x[0-9a-f]{1,8})$`).exec(field) ?? [];
        const set = number !== undefined && ({ end, number: Number.parseInt(number, 16), family } as const);
        if (set) out.set(setName(set), set);
      }
  }
  return out;
}

/** Of a flow that says of which classes an address is, to the last detail; null for any other. */
export function readMember(
  { tables }: Layout,
  { table, priority, cookie, fields, actions, extras }: Flow,
): { address: string; sets: readonly MemberSet[] } | null {
  if (cookie !== cookies.member || priority !== 1 || extras.length > 0) return null;
  const [, column, side, address = ''] =
    /^ct_(nw|ipv6)_(src|dst)=([0-9a-f.:]+),ct_state=-inv\+trk,ip(?:v6)?$/.exec(fields.join(',')) ?? [];
  if (column === undefined) return null;
  const family = column === 'nw' ? 4 : 6;
  const end = side === 'src' ? 'opener' : 'answerer';
  if (table !== tables[end] || fields.at(-1) !== (family === 4 ? 'ip' : 'ipv6')) return null;
  const next = `resubmit(,${end === 'opener' ? tables.answerer : tables.rules})`;
  const pattern = new RegExp(`^load:(0x[1-9a-f][0-9a-f]{0,7})->NXM_NX_REG${registers[end]}\\[\\]$`);
  const sets: MemberSet[] = [];
  for (let i = 0; i < actions.length; i += 2) {
    const [, text] = pattern.exec(actions[i]!) ?? [];
    const number = Number.parseInt(text ?? '', 16);
    // in ascending order, so that there is one way to write it
    if (!(number > (sets.at(-1)?.number ?? 0)) || actions[i + 1] !== next) return null;
    sets.push({ end, number, family });
  }
  return { address, sets };
}
