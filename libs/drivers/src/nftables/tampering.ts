import { baseState, flow } from '../conformance-states.js';
import type { ConformanceSubject } from '../conformance.js';
import type { DoHalf } from '../fault-injection.js';
import type { Json } from './commands.js';
import { formatTransaction, tableId } from './commands.js';

/** What the conformance kit does behind the driver's back, for a simulated and a real nft alike. */
export const tamperings = [
  'a rule of ours is deleted',
  'a rule of ours is changed',
  'a foreign rule is put first in our table',
  'a foreign rule is put last in our table',
  'an element is added',
  'an element is deleted',
  'the scope is widened',
  'a foreign set stands in our table',
  'a foreign chain stands in our table',
  'our table is deleted',
] as const;

interface ListedRule {
  readonly chain: string;
  readonly handle: number;
  readonly comment?: string;
  readonly expr: readonly Json[];
}

/** `listing`: our table with `baseState` in force. */
export function tamperingCommands(tampering: (typeof tamperings)[number], listing: string): string {
  const { nftables } = JSON.parse(listing) as { nftables: { rule?: ListedRule }[] };
  const rule = nftables.find(({ rule }) => rule?.comment !== undefined)?.rule;
  if (!rule) throw new Error('the listing has no rule with a comment');
  const { handle, chain } = rule;
  const foreignRule = { ...tableId, chain: 'forward', expr: [{ counter: null }, { accept: null }] };
  const deletion = { delete: { rule: { ...tableId, chain, handle } } };
  const changed = rule.expr.map((statement) => ('drop' in statement ? { accept: null } : statement));
  const opposite = changed.map((statement, i) => ('accept' in rule.expr[i]! ? { drop: null } : statement));
  const element = (elem: string) => ({ element: { ...tableId, name: 'infusion-pump_4', elem: [elem] } });
  const stranger = { payload: { protocol: 'ip', field: 'saddr' } };
  const widened = [{ match: { op: '==', left: stranger, right: '172.16.0.1' } }, { goto: { target: 'judge_4' } }];
  const commands: Record<(typeof tamperings)[number], readonly Json[]> = {
    'a rule of ours is deleted': [deletion],
    'a rule of ours is changed': [
      deletion,
      { add: { rule: { ...tableId, chain, comment: rule.comment, expr: opposite } } },
    ],
    'a foreign rule is put first in our table': [{ insert: { rule: foreignRule } }],
    'a foreign rule is put last in our table': [{ add: { rule: foreignRule } }],
    'an element is added': [{ add: element('10.20.0.99') }],
    'an element is deleted': [{ delete: element('10.20.0.11') }],
    'the scope is widened': [{ insert: { rule: { ...tableId, chain: 'forward', expr: widened } } }],
    'a foreign set stands in our table': [{ add: { set: { ...tableId, name: 'theirs', type: 'ipv4_addr' } } }],
    'a foreign chain stands in our table': [{ add: { chain: { ...tableId, name: 'theirs' } } }],
    'our table is deleted': [{ delete: { table: { family: tableId.family, name: tableId.table } } }],
  };
  return formatTransaction(commands[tampering]);
}

/** Methods of an `NftDevice` that change something. */
export const nftChanges: ReadonlySet<string> = new Set(['load', 'cut']);

/** A kernel never does half a transaction; what a firewall with another nft may do is not known. */
export const halfLoad =
  (load: (transaction: string) => Promise<void>): DoHalf =>
  async (_, [transaction]) => {
    const { nftables } = JSON.parse(transaction as string) as { nftables: Json[] };
    await load(formatTransaction(nftables.slice(0, Math.ceil(nftables.length / 2))));
  };

const { rules } = baseState;
const flowsOnly = { ...baseState, ports: new Map(), rules: { ...rules, lists: [], vlans: [], workloads: [] } };
const withEntry = (entry: Parameters<typeof flow>, id = entry[0]) => ({
  ...flowsOnly,
  rules: { ...flowsOnly.rules, entries: [{ ...flow(...entry), id }] },
});
const toServer = rules.entries[0]!;

/** What nft has no words for. */
export const wordless: ConformanceSubject['inexpressible'] = {
  'ports of a protocol without any': [
    {
      ...flowsOnly,
      rules: { ...flowsOnly.rules, entries: [{ ...toServer, services: [{ first: 0x32_0001, last: 0x32_0002 }] }] },
    },
    /IP protocol 50/,
  ],
  'an id that no comment carries': [
    withEntry(['x', 'allow', toServer.source, toServer.destination, 'tcp'], 'a b'),
    /an id/,
  ],
};
