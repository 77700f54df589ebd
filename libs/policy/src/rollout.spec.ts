import type { Mac } from '#net';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from './compile/compile.js';
import { loadPolicy } from './load/load.js';
import {
  breakGlassClass,
  changeStrategy,
  coverageOf,
  decodeSnapshot,
  encodeSnapshot,
  isCovered,
  windowAt,
} from './snapshot-index.js';

function snapshotOf(text: string | null) {
  const policy = loadPolicy(
    policyFiles({
      'network/rollout.yaml': text,
      'rules/membership-x.csv': 'g, infusion-pump, medical\n',
      'catalog/classes-x.yaml': 'medical: {}\nopen: {}\nwider: {}\n',
      'catalog/sites-x.yaml': 'branch: {}\n',
      'catalog/schedules-x.yaml': "night: { days: [mon], from: '22:00', to: '05:00', timezone: UTC }\n",
    }),
  );
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
  const compiled = compilePolicy(policy.value, new Date('2026-11-24T12:00:00Z'));
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return decodeSnapshot(JSON.parse(JSON.stringify(encodeSnapshot(compiled.value))));
}

const mac = '00:1a:00:00:00:01' as Mac;

describe('network/rollout.yaml', () => {
  it('changes everything at once when it is missing or empty', () => {
    for (const text of [null, '', 'limits: {}']) {
      const { rollout } = snapshotOf(text);
      expect(rollout.stages).toEqual([{ name: 'everywhere', sites: ['everywhere'], devices: [], soakSeconds: 0 }]);
      expect(rollout.gates).toMatchObject({ refused: 5, missingSeconds: 600, action: 'halt' });
    }
  });

  it('covers stage by stage, with the sites below, and everything in the end', () => {
    const snapshot = snapshotOf(
      `stages: [{ name: canary, devices: ['${mac}'], soakMinutes: 1 }, { name: one, sites: [main] }]`,
    );
    const { stages } = snapshot.rollout;
    expect(stages.map(({ name, soakSeconds }) => [name, soakSeconds])).toEqual([
      ['canary', 60],
      ['one', 0],
      ['everywhere', 0],
    ]);
    const covers = (count: number, site: string, device = '00:00:00:00:00:09') =>
      isCovered(coverageOf(snapshot, stages.slice(0, count)), site, device);
    expect([covers(0, 'main', mac), covers(1, 'branch', mac), covers(1, 'main')]).toEqual([false, true, false]);
    expect([covers(2, 'main'), covers(2, 'main-wifi'), covers(2, 'branch')]).toEqual([true, true, false]);
    expect(covers(3, 'branch')).toBe(true);
  });

  it('gives a class the strategy and the break-glass class of the nearest that has an entry', () => {
    const snapshot = snapshotOf(
      'classes: { medical: { change: manual, breakGlass: open }, infusion-pump: { change: maintenance-window, window: night } }',
    );
    expect(changeStrategy(snapshot, 'infusion-pump')).toEqual({ kind: 'maintenance-window', schedule: 'night' });
    expect(changeStrategy(snapshot, 'medical')).toEqual({ kind: 'manual' });
    expect(changeStrategy(snapshot, 'unknown')).toEqual({ kind: 'immediate' });
    expect(breakGlassClass(snapshot, 'infusion-pump')).toBe('open');
    expect(breakGlassClass(snapshot, 'unknown')).toBeNull();
  });

  it('knows when a window is open, and when that ends', () => {
    const snapshot = snapshotOf(null);
    expect(windowAt(snapshot, 'night', new Date('2026-11-30T23:00:00Z'))).toEqual({
      isOpen: true,
      changesAt: new Date('2026-12-01T05:00:00Z'),
    });
    expect(windowAt(snapshot, 'night', new Date('2026-12-01T05:00:00Z'))).toMatchObject({ isOpen: false });
  });
});
