import fc from 'fast-check';
import { formatAddress, rangesOf } from '#net';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { decideFlow } from '../decider.js';
import { loadPolicy } from '../load/load.js';
import { compilePolicy } from './compile.js';

const at = new Date('2026-11-24T12:00:00Z');

/** Pumps and newcomers with these rules beside those of the small good policy; what is found of lost flows. */
function compile(rules: readonly string[], parts: Readonly<Record<string, string | null>> = {}) {
  const policy = loadPolicy(
    policyFiles({
      'rules/x.csv': rules.map((rule) => `${rule}, note`).join('\n'),
      'rules/flows.csv': null,
      'tests/flows.yaml': null,
      'catalog/classes-x.yaml': 'newcomer: {}\n',
      'catalog/endpoints-x.yaml':
        's1: { addresses: [10.10.5.1, "fd10:5::1"] }\ns2: { addresses: [10.10.5.2, "fd10:5::2"] }\nfloor: { addresses: [10.10.5.0/30, "fd10:5::/126"] }\n',
      'catalog/applications-x.yaml': 'low: { ports: [tcp/1-2] }\nhigh: { ports: [tcp/2-3] }\n',
      'catalog/segments-x.yaml':
        'newcomers: { role: newcomer, sites: { main: { vlan: 997, prefixes: [10.97.0.0/20, "fd97::/64"] } } }\n',
      'network/server-down.yaml': 'servers: { a: { address: 10.0.8.10 } }\nsites: { main: { segment: newcomers } }\n',
      ...parts,
    }),
  );
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
  const compiled = compilePolicy(policy.value, at);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  const lost = compiled.diagnostics.filter(({ code }) => code === 'server-down-flows');
  return {
    snapshot: compiled.value,
    lost,
    lines: lost.flatMap(({ summary }) => [...summary.matchAll(/x\.csv:(\d+)/g)]).map(([, line]) => Number(line)),
  };
}

describe('what life-critical devices lose in the critical segment', () => {
  it.each([
    [
      'nothing that newcomers may as well',
      ['p, infusion-pump, s1, low, allow, always', 'p, newcomer, floor, low, allow, always'],
      [],
    ],
    ['a flow that they may not', ['p, infusion-pump, s1, low, allow, always'], [1]],
    [
      'a flow of which a port is missing',
      ['p, infusion-pump, s1, low, allow, always', 'p, newcomer, s1, high, allow, always'],
      [1],
    ],
    [
      'a flow of which an address is missing',
      ['p, infusion-pump, floor, low, allow, always', 'p, newcomer, s1, low, allow, always'],
      [1],
    ],
    [
      'a flow that a deny closes for newcomers',
      [
        'p, infusion-pump, s1, low, allow, always',
        'p, newcomer, s1, low, allow, always',
        'p, newcomer, s1, tcp1, deny, always',
      ],
      [1],
    ],
    [
      'nothing where a deny closes it for the class',
      ['p, infusion-pump, s1, low, allow, always', 'p, infusion-pump, s1, any, deny, always'],
      [],
    ],
    ['no flow with a schedule', ['p, infusion-pump, s1, low, allow, office'], []],
    ['a flow to devices of a class', ['p, infusion-pump, infusion-pump, low, allow, always'], [1]],
  ])('is %s', (_, rules, lines) => {
    expect(compile(rules, { 'catalog/applications-y.yaml': 'tcp1: { ports: [tcp/1] }\n' }).lines).toEqual(lines);
  });

  it('is one finding for classes that lose the same, about the first of them', () => {
    const { lost } = compile([], {
      'rules/x.csv': 'p, infusion-pump, s1, low, allow, always, note\ng, syringe-pump, infusion-pump\n',
      'catalog/classes-y.yaml': 'syringe-pump: { criticality: life-critical }\n',
    });
    expect(lost).toMatchObject([{ severity: 'warning', span: { file: 'catalog/classes-y.yaml', line: 1 } }]);
    expect(lost[0]!.summary).toMatch(
      /^`syringe-pump`, `infusion-pump`: .* gets `newcomers` and can't open low to `s1`/,
    );
  });

  it('is not told of classes that are not life-critical, nor where no switch has such a segment', () => {
    const rules = ['p, infusion-pump, s1, low, allow, always'];
    expect(
      compile(rules, {
        'catalog/classes.yaml': 'medical-device: {}\ninfusion-pump: { criticality: high }\nquarantined: {}\n',
      }).lost,
    ).toEqual([]);
    expect(compile(rules, { 'network/server-down.yaml': 'sites: { main: none }\n' }).lost).toEqual([]);
  });

  it('is what a packet at a time says', () => {
    const rule = fc.record({
      who: fc.constantFrom('infusion-pump', 'newcomer'),
      to: fc.constantFrom('s1', 's2', 'floor'),
      app: fc.constantFrom('low', 'high'),
      effect: fc.constantFrom('allow', 'allow', 'deny'),
    });
    const key = ({ who, to, app, effect }: { who: string; to: string; app: string; effect: string }) =>
      `p, ${who}, ${to}, ${app}, ${effect}, always`;
    fc.assert(
      fc.property(fc.uniqueArray(rule, { selector: key, minLength: 1, maxLength: 6 }), (list) => {
        const { snapshot, lost } = compile(list.map(key));
        const addresses = snapshot.endpoints.find(({ name }) => name === 'floor')!.addresses;
        const all = rangesOf(addresses).flatMap(({ family, first, last }) =>
          Array.from({ length: Number(last - first) + 1 }, (_, i) => ({ family, value: first + BigInt(i) })),
        );
        const may = (device: string, address: (typeof all)[number], port: number): boolean =>
          decideFlow(snapshot, { source: { class: device }, destination: { address }, protocol: 6, port }).verdict ===
          'allow';
        const example = all.find((address) =>
          [1, 2, 3].some((port) => may('infusion-pump', address, port) && !may('newcomer', address, port)),
        );
        expect(lost.length > 0 ? 'lost' : 'nothing').toBe(example ? 'lost' : 'nothing');
        if (example) expect(formatAddress(example)).toMatch(/10\.10\.5|fd10:5/);
      }),
      { numRuns: 40 },
    );
  });
});
