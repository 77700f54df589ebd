import { describe, expect, it } from 'vitest';
import { compilePolicy, loadPolicy } from '#policy';
import { generatePolicy } from './generated-policy.ts';
import { portAclClasses } from './loaded.ts';
import { parametersOf, parametersWithSwitches, type PolicyParameters } from './parameters.ts';
import { instant } from './tools.ts';

const text = (parameters: PolicyParameters): string => JSON.stringify([...generatePolicy(parameters)]);
const random = parametersOf('random', 400);
const structured = parametersOf('structured', 400);
const variants: readonly [string, PolicyParameters][] = [
  ['random', random],
  ['random, deeper, with denies, IPv6 and sites', { ...random, depth: 3, denies: 0.2, ipv6: 0.5, sites: 3 }],
  ['random, with switches', { ...random, classes: 100, prefixesPerEndpoint: 2, nas: 4 }],
  ['structured', structured],
  ['structured, flat', { ...structured, depth: 1, endpoints: 400 }],
  ['structured, four levels', { ...structured, depth: 4 }],
  ['structured, many denies', { ...structured, denies: 0.3, towardsDevices: 0 }],
  ['structured, one site, one family', { ...structured, sites: 1, ipv6: 0 }],
  ['structured, three addresses a server', { ...structured, prefixesPerEndpoint: 3, ipv6: 1 }],
  ['structured, with switches', parametersWithSwitches(400)],
  ['structured, another seed', { ...structured, seed: 7 }],
];

describe('a generated policy', () => {
  it.each(variants)('has the same bytes for the same parameters: %s', (_, parameters) => {
    expect(text(parameters)).toBe(text(parameters));
    expect(text({ ...parameters, seed: parameters.seed + 1 })).not.toBe(text(parameters));
  });

  it.each(variants)('loads and compiles without a finding: %s', (_, parameters) => {
    const loaded = loadPolicy(generatePolicy(parameters));
    expect(loaded.diagnostics).toEqual([]);
    if (!loaded.ok) return;
    const compiled = compilePolicy(loaded.value, new Date(instant));
    expect(compiled.diagnostics).toEqual([]);
    if (!compiled.ok) return;
    const { flowRules, nas, portAcls } = compiled.value;
    expect(flowRules).toHaveLength(parameters.rules + (parameters.shape === 'random' ? 1 : 0));
    expect(nas).toHaveLength(parameters.nas);
    expect(portAclClasses(loaded.value).toSorted()).toEqual(Object.keys(portAcls).toSorted());
  });

  it('has as many classes, denies and rules towards devices as asked', () => {
    const loaded = loadPolicy(generatePolicy({ ...structured, denies: 0.1, towardsDevices: 0.2 }));
    if (!loaded.ok) throw new Error('refused');
    const { classes, flowRules } = loaded.value;
    // With `device`, `unknown` and the role of quarantine.
    expect(classes.size).toBe(structured.classes + 3);
    expect(flowRules.filter(({ effect }) => effect === 'deny')).toHaveLength(40);
    expect(flowRules.filter(({ object }) => classes.has(object))).toHaveLength(80);
  });
});
