import type { Mac } from '#net';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { analysePolicy } from '../analyse/analyse.js';
import { compilePolicy } from '../compile/compile.js';
import { decodeSnapshot, encodeSnapshot, foreignMaker, suspicionAction } from '../snapshot-index.js';
import { loadPolicy } from './load.js';

const at = new Date('2026-11-24T12:00:00Z');
const load = (text: string | null) => loadPolicy(policyFiles({ 'network/suspicions.yaml': text }));

function snapshotOf(text: string | null) {
  const policy = load(text);
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
  const compiled = compilePolicy(policy.value, at);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return decodeSnapshot(JSON.parse(JSON.stringify(encodeSnapshot(compiled.value))));
}

describe('network/suspicions.yaml', () => {
  it('raises an alarm for every kind when it is missing, empty or leaves a kind out', () => {
    for (const text of [null, '', 'downgrade: alarm']) {
      const snapshot = snapshotOf(text);
      for (const kind of ['downgrade', 'two-ports', 'vendor'] as const)
        expect(suspicionAction(snapshot, 'infusion-pump', kind)).toBe('alarm');
    }
  });

  it('comes through the snapshot: a class has its own action where it names one, and those of all where not', () => {
    const snapshot = snapshotOf(
      'downgrade: quarantine\ntwo-ports: ignore\nclasses: { infusion-pump: { downgrade: alarm } }',
    );
    expect(suspicionAction(snapshot, 'infusion-pump', 'downgrade')).toBe('alarm');
    expect(suspicionAction(snapshot, 'infusion-pump', 'two-ports')).toBe('ignore');
    expect(suspicionAction(snapshot, 'unknown', 'downgrade')).toBe('quarantine');
  });

  it.each([
    ['an unknown action', 'downgrade: alert', 'network/suspicions.yaml:1', /alarm/],
    ['an unknown kind', 'clone: alarm', 'network/suspicions.yaml:1', /`clone` is not a field/],
    [
      'an unknown class',
      'classes: { infusion-pomp: {} }',
      'network/suspicions.yaml:1',
      /`infusion-pomp` is not a class/,
    ],
    [
      '25 bits',
      'classes: { infusion-pump: { manufacturers: ["00:1a:2b:cd"] } }',
      'network/suspicions.yaml:1',
      /24, 28 or 36/,
    ],
    [
      'separators that differ',
      'classes: { infusion-pump: { manufacturers: ["00:1a-2b"] } }',
      'network/suspicions.yaml:1',
      /24, 28 or 36/,
    ],
  ])('refuses %s, and says where', (_, text, place, problem) => {
    const { diagnostics } = load(text);
    const finding = diagnostics.find(({ severity }) => severity === 'error');
    expect(`${finding?.span?.file}:${finding?.span?.line}`).toBe(place);
    expect(`${finding?.summary}; ${finding?.hint}`).toMatch(problem);
  });

  describe('manufacturers', () => {
    const snapshot = snapshotOf(
      'classes: { infusion-pump: { manufacturers: ["00-1A-2B", "70:b3:d5:0", "8c:1f:64:ab:c"] } }',
    );

    it.each([
      ['00:1a:2b:00:00:01', true],
      ['00:1a:2c:00:00:01', false],
      ['70:b3:d5:0f:00:01', true],
      ['70:b3:d5:1f:00:01', false],
      ['8c:1f:64:ab:c7:01', true],
      ['8c:1f:64:ab:d7:01', false],
      ['02:1a:2b:00:00:01', false],
    ])('%s is of one of the class: %s', (mac, isOwn) => {
      expect(foreignMaker(snapshot, 'infusion-pump', mac as Mac) === null).toBe(isOwn);
    });

    it('are not asked for where the policy names none', () => {
      expect(foreignMaker(snapshot, 'unknown', '02:00:00:00:00:01' as Mac)).toBeNull();
    });

    it('say that an address was made up', () => {
      expect(foreignMaker(snapshot, 'infusion-pump', '02:00:00:00:00:01' as Mac)).toMatch(/made up by software/);
    });
  });
});

describe('quarantine by suspicion', () => {
  const found = (text: string): string[] => {
    const policy = loadPolicy(policyFiles({ 'network/suspicions.yaml': text }));
    if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
    return analysePolicy(policy.value, at)
      .filter(({ code }) => code === 'quarantine-of-life-critical')
      .map(({ summary }) => summary);
  };

  it.each([
    ['for all classes', 'two-ports: quarantine', 1],
    ['for the class', 'classes: { infusion-pump: { downgrade: quarantine } }', 1],
    ['not for another class', 'classes: { medical-device: { downgrade: quarantine } }', 0],
    ['not for the class', 'downgrade: quarantine\nclasses: { infusion-pump: { downgrade: alarm } }', 0],
    ['for manufacturers that nobody names', 'vendor: quarantine', 0],
    ['for manufacturers', 'vendor: quarantine\nclasses: { infusion-pump: { manufacturers: ["00:1a:2b"] } }', 1],
  ])('of a life-critical class, %s, is warned of', (_, text, count) => {
    expect(found(text)).toHaveLength(count);
  });
});
