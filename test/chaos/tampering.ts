import type { Deeds, World } from './world.ts';

interface Rule {
  readonly chain: string;
  readonly handle: number;
}

/** What a hand may do to our table; `rule`: one of ours. */
const firewallWays = (rule: Rule | undefined): string[] => [
  ...(rule ? [`delete rule inet cordon ${rule.chain} handle ${rule.handle}`] : []),
  'insert rule inet cordon forward counter accept',
  'add rule inet cordon forward tcp dport 443 drop',
  'add element inet cordon infusion-pump_4 { 10.66.0.77 }',
  'flush set inet cordon infusion-pump_4',
  'delete table inet cordon',
  'add chain inet cordon theirs',
];

/** A flow as `delete_strict` names it. */
const without = (flow: string): string =>
  `delete_strict ${flow
    .replace(/cookie=\S+, */, '')
    .replace(/ *actions=.*$/, '')
    .replaceAll(/, +/g, ',')}`;

/** Hands on enforcement points. What is not ours they may change as they like. */
export function tampering(world: World): Deeds<'tamper-firewall' | 'tamper-openvswitch' | 'foreign-table'> {
  const { firewall, openvswitch, judge, note } = world;
  return {
    'tamper-firewall': {
      on: () => 'fw',
      carryOut: async ({ choice }) => {
        const listing = (await firewall.list()) || '{}';
        const { nftables = [] } = JSON.parse(listing) as { nftables?: { rule?: Rule }[] };
        const rules = nftables.flatMap(({ rule }) => (rule ? [rule] : []));
        const ways = firewallWays(rules[choice % Math.max(1, rules.length)]);
        const way = ways[choice % ways.length]!;
        judge.tamper('main', Date.now());
        note(`  by hand: nft ${way}`);
        // It may not be there just now: then a hand would be told so, too.
        await firewall.nft(way).catch(() => undefined);
        judge.tamper('main', Date.now());
      },
    },
    'tamper-openvswitch': {
      on: () => 'sw',
      carryOut: async ({ choice }) => {
        const ours = (await openvswitch.flows(true)).filter((line) => line.includes('cookie=0xc0d'));
        if (ours.length === 0) return;
        const ways: readonly (readonly string[])[] = [
          [without(ours[choice % ours.length]!)],
          ours.filter((_, i) => i % 3 === choice % 3).map(without),
          ours.map(without),
          ['add cookie=0xc0d1000000000000,table=0,priority=65535,ip,nw_src=10.21.32.12,actions=NORMAL'],
          ['add cookie=0x78,table=204,priority=9,ip,actions=drop'],
        ];
        const way = ways[choice % ways.length]!;
        judge.tamper('branch', Date.now());
        note(`  by hand: ${way.length} flows, the first: ${way[0]}`);
        await openvswitch
          .change(way)
          .catch((error: unknown) => note(`  which it refused: ${String(error).slice(0, 200)}`));
        judge.tamper('branch', Date.now());
      },
    },
    'foreign-table': { on: () => 'fw', carryOut: () => firewall.addForeignTable() },
  };
}
