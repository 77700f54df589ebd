import fc from 'fast-check';
import { noRules, type EnforcementRules, type FlowEntry, type FlowSide } from '#model';
import { addressSet, parsePrefix, parseService, rangeOfPrefix } from '#net';

/* Rules as proofs of several drivers are tried with. */

export const addresses = (...texts: string[]) =>
  addressSet(
    texts.flatMap((text) => {
      const prefix = parsePrefix(text);
      return typeof prefix === 'string' ? [] : [rangeOfPrefix(prefix)];
    }),
  );

export const at = (...texts: string[]): FlowSide => ({ kind: 'addresses', addresses: addresses(...texts) });

export const classes = (...names: string[]): FlowSide => ({ kind: 'classes', classes: names });

export function line(
  id: string,
  action: 'allow' | 'deny',
  source: FlowSide,
  destination: FlowSide,
  ...services: string[]
): FlowEntry {
  const found = services.map((text) => parseService(text)!);
  return { id: id.padStart(12, '0'), action, source, destination, services: found, line: `rules/flows.csv:${id}` };
}

export const rules: EnforcementRules = {
  ...noRules,
  scope: addresses('10.21.0.0/20', 'fd21::/64'),
  entries: [
    line('1', 'allow', classes('pump'), at('10.10.4.20', 'fd10:4::20'), 'tcp/443'),
    line('2', 'deny', classes('pump', 'scanner'), at('10.10.4.0/24', 'fd10:4::/64'), 'tcp/23'),
    line('3', 'allow', at('10.10.4.30', 'fd10:4::30'), classes('pump'), 'tcp/3613'),
    line('4', 'allow', classes('pump'), classes('scanner'), 'udp/5000-5010'),
    line('5', 'allow', classes('scanner'), at('10.10.0.0/16', 'fd10::/32'), 'any'),
  ],
};

const range = fc.constantFrom('10.0.0.0/31', '10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', 'fd00::1', 'fd00::/127', '::/0');
const side: fc.Arbitrary<FlowSide> = fc.oneof(
  fc.array(range, { maxLength: 2 }).map((texts) => at(...texts)),
  fc.subarray(['a', 'b', 'c']).map((chosen) => classes(...chosen)),
);
const service = fc.constantFrom('any', 'tcp', 'tcp/1-9', 'udp/5', 'icmp/8', 'icmp6', 'ip/50');
const entry = fc
  .tuple(fc.nat(5), fc.constantFrom('allow' as const, 'deny' as const), side, side, service)
  .map(([id, action, source, destination, text]) => line(`${id}`, action, source, destination, text));

export const anyRules: fc.Arbitrary<EnforcementRules> = fc
  .tuple(fc.array(entry, { maxLength: 5 }), fc.array(range, { maxLength: 2 }))
  .map(([entries, scope]) => ({ ...noRules, scope: addresses(...scope), entries }));
