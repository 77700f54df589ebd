import { fingerprintFields, suspicionKinds, type Fingerprint } from '#model';
import type { Mac } from '#net';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { analysePolicy } from '../analyse/analyse.js';
import { compilePolicy } from '../compile/compile.js';
import { contradiction, decodeSnapshot, encodeSnapshot, foreignMaker, suspicionAction } from '../snapshot-index.js';
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
      for (const kind of suspicionKinds) expect(suspicionAction(snapshot, 'infusion-pump', kind)).toBe('alarm');
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
    [
      'a field that devices do not have',
      'classes:\n  infusion-pump:\n    fingerprints:\n      dhcp-vendor-class: ["alaris-*"]',
      'network/suspicions.yaml:4',
      /`dhcp-vendor-class` is not a field/,
    ],
    [
      'a field without a value',
      'classes:\n  infusion-pump:\n    fingerprints:\n      lldp-system-name: []',
      'network/suspicions.yaml:4',
      /lldp-system-name`: must have a value, or be left out/,
    ],
    [
      'a value that is no list',
      'classes:\n  infusion-pump:\n    fingerprints:\n      lldp-system-name: pump',
      'network/suspicions.yaml:4',
      /must be a list of texts/,
    ],
    [
      'a number in place of a text',
      'classes:\n  infusion-pump:\n    fingerprints:\n      dhcp-parameter-request-list: [1, 3, 6]',
      'network/suspicions.yaml:4',
      /list.0`: must be text: put it into quotes/,
    ],
    [
      'an empty text',
      'classes: { infusion-pump: { fingerprints: { dhcp-host-name: [""] } } }',
      'network/suspicions.yaml:1',
      /must not be empty/,
    ],
    [
      'a text that no attribute can hold',
      `classes: { infusion-pump: { fingerprints: { dhcp-host-name: ["${'x'.repeat(256)}"] } } }`,
      'network/suspicions.yaml:1',
      /at most 255/,
    ],
    [
      'a list of options with blanks, which no device would say',
      'classes: { infusion-pump: { fingerprints: { dhcp-parameter-request-list: ["1, 3, 6"] } } }',
      'network/suspicions.yaml:1',
      /numbers of options with commas/,
    ],
    [
      'fingerprints that are no fields',
      'classes: { infusion-pump: { fingerprints: ["alaris-*"] } }',
      'network/suspicions.yaml:1',
      /must be fields with the values/,
    ],
    [
      'values in place of the action',
      'classes: { infusion-pump: { fingerprint: { dhcp-host-name: ["alaris-*"] } } }',
      'network/suspicions.yaml:1',
      /stands under `fingerprints`/,
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

describe('a fingerprint', () => {
  const snapshot = snapshotOf(`
fingerprint: quarantine
classes:
  infusion-pump:
    fingerprint: alarm
    fingerprints:
      dhcp-class-identifier: ["Alaris-*", "pump os 3"]
      dhcp-parameter-request-list: ["1,3,6,15", "1,3,6,15,28"]
`);

  it('has an action of its own', () => {
    expect(suspicionAction(snapshot, 'infusion-pump', 'fingerprint')).toBe('alarm');
    expect(suspicionAction(snapshot, 'unknown', 'fingerprint')).toBe('quarantine');
  });

  it.each<[string, Fingerprint]>([
    ['says nothing', {}],
    ['says what the class has, in other letters', { 'dhcp-class-identifier': 'ALARIS-8015' }],
    ['says one of several', { 'dhcp-class-identifier': 'Pump OS 3', 'dhcp-parameter-request-list': '1,3,6,15,28' }],
    ['says something where the class has no list', { 'dhcp-host-name': 'x', 'lldp-system-name': 'y' }],
  ])('that %s contradicts nothing', (_, fingerprint) => {
    expect(contradiction(snapshot, 'infusion-pump', fingerprint)).toBeNull();
  });

  it('that none of the values allows contradicts, and both are named', () => {
    expect(
      contradiction(snapshot, 'infusion-pump', {
        'dhcp-class-identifier': 'MSFT 5.0',
        'dhcp-parameter-request-list': '1,3,6,15',
        'lldp-system-name': 'x',
      }),
    ).toEqual({
      said: { 'dhcp-class-identifier': 'MSFT 5.0' },
      reason: 'its dhcp-class-identifier is "MSFT 5.0", and class `infusion-pump` has "Alaris-*", "pump os 3"',
    });
  });

  it('tells of each field that contradicts, and can not pass off its own words as ours', () => {
    const found = contradiction(snapshot, 'infusion-pump', {
      'dhcp-class-identifier': 'x", and class `infusion-pump` has "x',
      'dhcp-parameter-request-list': '1',
    });
    expect(found?.reason).toMatch(
      /^its dhcp-class-identifier is "x\\", and .*; its dhcp-parameter-request-list is "1", and/,
    );
    expect(Object.keys(found!.said)).toHaveLength(2);
  });

  it('is nothing to a class without values, or without an entry', () => {
    const all: Fingerprint = Object.fromEntries(fingerprintFields.map((field) => [field, 'x']));
    expect(contradiction(snapshot, 'medical-device', all)).toBeNull();
    expect(contradiction(snapshotOf(null), 'infusion-pump', all)).toBeNull();
  });

  it('shows a few of many values', () => {
    const many = Array.from({ length: 12 }, (_, n) => `"v${n}"`).join(', ');
    const { reason } = contradiction(
      snapshotOf(`classes: { infusion-pump: { fingerprints: { dhcp-host-name: [${many}] } } }`),
      'infusion-pump',
      { 'dhcp-host-name': 'x' },
    )!;
    expect(reason).toMatch(/has "v0", "v1", "v10", "v11", "v2" and 7 more$/);
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
    ['for fingerprints that nobody names', 'fingerprint: quarantine', 0],
    [
      'for fingerprints',
      'fingerprint: quarantine\nclasses: { infusion-pump: { fingerprints: { dhcp-host-name: ["pump-*"] } } }',
      1,
    ],
    ['for manufacturers', 'vendor: quarantine\nclasses: { infusion-pump: { manufacturers: ["00:1a:2b"] } }', 1],
  ])('of a life-critical class, %s, is warned of', (_, text, count) => {
    expect(found(text)).toHaveLength(count);
  });
});
