import { baseState, flow } from '../conformance-states.js';
import type { ConformanceSubject } from '../conformance.js';
import type { DoHalf } from '../fault-injection.js';
import { flowKey, formatFlow, readFlow, type Flow } from './flow.js';
import { cookies, layoutOf } from './layout.js';
import type { OvsDevice, PortChange, PortRow } from './session.js';

/** What the conformance kit does behind the driver's back, for a simulated and a real bridge alike: to flows, or to a port. */
export type Tampering = { readonly bundle: string } | { readonly port: PortRow };

const { tables, zone } = layoutOf({ bridge: 'br0' });
const removal = (flow: Flow): string => `delete_strict ${flowKey(flow)}\n`;
const addition = (flow: Flow): string => `add ${formatFlow(flow)}\n`;
const foreign = (match: string): Tampering => ({ bundle: `add cookie=0x77,${match},actions=NORMAL\n` });

/** `lines`: our flows with `baseState` in force. */
export function tamperings(lines: readonly string[]): Readonly<Record<string, Tampering>> {
  const flows = lines.map(readFlow);
  const find = (test: (flow: Flow) => boolean): Flow => {
    const found = flows.find(test);
    if (!found) throw new Error('there is no such flow of ours');
    return found;
  };
  const rule = find(({ cookie }) => cookie === cookies.line('d10000000000'));
  const denial = find(({ table, priority }) => table === tables.verdict && priority === 0);
  const commit = find(({ actions }) => actions[0] === `ct(commit,zone=${zone})`);
  const member = find(({ fields }) => fields.includes('ct_nw_src=10.20.0.11'));
  const changed = (flow: Flow, change: Partial<Flow>): Tampering => ({ bundle: addition({ ...flow, ...change }) });
  return {
    'a flow of a line is deleted': { bundle: removal(rule) },
    'a flow of ours does something else': changed(denial, { actions: ['NORMAL'] }),
    'a flow of ours has the mark of another line': changed(rule, { cookie: cookies.line('a20000000000') }),
    'a flow of ours has no mark': changed(denial, { cookie: '0x0' }),
    'connections are tracked elsewhere': changed(commit, {
      actions: ['ct(commit,zone=1)', ...commit.actions.slice(1)],
    }),
    'a foreign flow stands in our tables': foreign(`table=${tables.rules},priority=9,ip,nw_src=10.20.0.12`),
    'a foreign flow stands beside our entry': foreign('table=0,priority=65535,ip,nw_src=10.20.0.12'),
    'a flow in a table of others has our mark': {
      bundle: `add cookie=${cookies.structure},table=7,priority=1,ip,actions=drop\n`,
    },
    'the scope is widened': {
      bundle: `add cookie=${cookies.structure},table=0,priority=65535,ip,reg15=0,nw_src=172.16.0.1,actions=resubmit(,${tables.enter})\n`,
    },
    'a member is added': changed(member, { fields: member.fields.map((field) => field.replace('.11', '.99')) }),
    'a member is deleted': { bundle: removal(member) },
    'a member is of another class': changed(member, {
      actions: member.actions.map((action) => action.replace(/^load:0x[0-9a-f]+/, 'load:0x123')),
    }),
    'a member is of two classes': changed(member, {
      actions: ['load:0x1->NXM_NX_REG13[]', member.actions[1]!, ...member.actions],
    }),
    'all our flows are deleted': { bundle: flows.map(removal).join('') },
    'a port is in another VLAN': { port: { name: 'p1', tag: 666, mode: 'access', isOurs: true } },
    'a port takes every VLAN': { port: { name: 'p1', tag: 210, mode: 'trunk', isOurs: true } },
    'a port lost our mark': { port: { name: 'p2', tag: 999, mode: 'access', isOurs: false } },
    'a port has our mark without a device on it': { port: { name: 'p3', tag: 210, mode: 'access', isOurs: true } },
  };
}

/** Methods of an `OvsDevice` that change something. */
export const ovsChanges: ReadonlySet<string> = new Set(['changeFlows', 'changePorts']);

/** Open vSwitch never does half a bundle or half a transaction; what another switch may do is not known. */
export const halfOf =
  (device: Pick<OvsDevice, 'changeFlows' | 'changePorts'>): DoHalf =>
  async (method, [change]) => {
    const half = <T>(list: readonly T[]): T[] => list.slice(0, Math.ceil(list.length / 2));
    if (method === 'changePorts') await device.changePorts(half(change as PortChange[]));
    else await device.changeFlows(half((change as string).split('\n')).join('\n'));
  };

const { rules } = baseState;
const own = { ...baseState, rules: { ...rules, lists: [], vlans: [], workloads: [] } };
const withEntry = (entry: Parameters<typeof flow>, id = entry[0]) => ({
  ...own,
  rules: { ...own.rules, entries: [{ ...flow(...entry), id }] },
});
const toServer = rules.entries[0]!;

/** What Open vSwitch has no words for. */
export const wordless: ConformanceSubject['inexpressible'] = {
  'ports of a protocol without any': [
    { ...own, rules: { ...own.rules, entries: [{ ...toServer, services: [{ first: 0x32_0001, last: 0x32_0002 }] }] } },
    /IP protocol 50/,
  ],
  'an id that no cookie carries': [
    withEntry(['x', 'allow', toServer.source, toServer.destination, 'tcp'], 'no-hex-at-all'),
    /an id/,
  ],
  'a VLAN that there can’t be': [{ ...own, ports: new Map([['p1', 4095]]) }, /VLAN 4095/],
};
