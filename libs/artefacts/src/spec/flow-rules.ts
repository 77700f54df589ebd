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
