import type { AuthorizationStep } from '#model';
import { nasProfile, nasProfileNames } from '#radius';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { decodeSnapshot } from './codec/decode.js';
import { encodeSnapshot } from './codec/encode.js';
import { compilePolicy } from './compile/compile.js';
import { ladderOf } from './ladder.js';
import { loadPolicy } from './load/load.js';
import type { Snapshot } from './snapshot.js';

const all: readonly AuthorizationStep[] = ['coa', 'reauthenticate', 'disconnect', 'bounce'];
const attributes = (): [] => [];
const push = { changeOfAuthorization: 'push', reauthenticate: null, bouncePort: null } as const;
const asking = { ...push, changeOfAuthorization: 'reauthenticate', reauthenticate: attributes } as const;
const able = { ...push, reauthenticate: attributes, bouncePort: attributes } as const;

describe('ladderOf', () => {
  it.each<
    [string, readonly AuthorizationStep[], Parameters<typeof ladderOf>[1], boolean, readonly AuthorizationStep[]]
  >([
    ['all that class and switch know, in the order of the class', all, able, true, all],
    ['an order of its own', ['disconnect', 'coa'], able, true, ['disconnect', 'coa']],
    ['no command that the switch lacks', all, push, true, ['coa', 'disconnect']],
    ['no push to a switch that only asks again', all, asking, true, ['reauthenticate', 'disconnect']],
    ['nothing that the class does not name', ['coa', 'reauthenticate'], able, true, ['coa', 'reauthenticate']],
    ['nothing at all', ['bounce'], push, true, []],
    ['without access: no push, and a disconnect first', all, able, false, ['disconnect', 'reauthenticate', 'bounce']],
    [
      'without access: no disconnect of a class that forbids it',
      ['coa', 'reauthenticate'],
      able,
      false,
      ['reauthenticate'],
    ],
  ])('has %s', (_, dynamicAuthorization, profile, hasAccess, expected) => {
    expect(ladderOf({ dynamicAuthorization }, profile, hasAccess)).toEqual(expected);
  });

  it.each(nasProfileNames)('leaves a standard class at least one step on %s, with access and without', (name) => {
    const dynamicAuthorization: readonly AuthorizationStep[] = ['coa', 'reauthenticate', 'disconnect'];
    for (const hasAccess of [true, false])
      expect(ladderOf({ dynamicAuthorization }, nasProfile(name)!, hasAccess)).not.toEqual([]);
  });
});

function compiled(classes: string): Snapshot {
  const policy = loadPolicy(policyFiles({ 'catalog/classes-x.yaml': classes }));
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
  const snapshot = compilePolicy(policy.value, new Date('2026-11-24T12:00:00Z'));
  if (!snapshot.ok) throw new Error(JSON.stringify(snapshot.diagnostics));
  return snapshot.value;
}

const stepsOf = (snapshot: Snapshot, name: string) =>
  snapshot.classes.find((each) => each.name === name)?.dynamicAuthorization;

describe('a class', () => {
  it.each([
    ['life-critical', ['coa', 'reauthenticate']],
    ['high', ['coa', 'reauthenticate', 'disconnect']],
    ['standard', ['coa', 'reauthenticate', 'disconnect']],
  ])('that is %s and says nothing has the usual steps', (criticality, steps) => {
    expect(stepsOf(compiled(`x: { criticality: ${criticality} }`), 'x')).toEqual(steps);
  });

  it('has the steps that it names, in its order, also after the way to the bridge', () => {
    const snapshot = compiled('x: { criticality: life-critical, dynamicAuthorization: [disconnect, bounce, coa] }');
    expect(stepsOf(snapshot, 'x')).toEqual(['disconnect', 'bounce', 'coa']);
    const decoded = decodeSnapshot(JSON.parse(JSON.stringify(encodeSnapshot(snapshot))));
    expect(stepsOf(decoded, 'x')).toEqual(['disconnect', 'bounce', 'coa']);
    expect(decoded.digest).not.toBe(compiled('x: { criticality: life-critical }').digest);
  });

  it('has the same digest when it spells out what is usual', () => {
    const usual = compiled('x: { criticality: high }');
    expect(compiled('x: { criticality: high, dynamicAuthorization: [coa, reauthenticate, disconnect] }').digest).toBe(
      usual.digest,
    );
  });

  it('that the policy builds in may be disconnected', () => {
    expect(stepsOf(compiled('x: {}'), 'unknown')).toEqual(['coa', 'reauthenticate', 'disconnect']);
  });
});
