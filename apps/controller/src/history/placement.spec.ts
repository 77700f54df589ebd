import { describe, expect, it } from 'vitest';
import type { Mac } from '#net';
import type { AuditRow, SessionChangeRow } from '../store/rows.js';
import type { AuthenticationView } from './authentication-store.js';
import { historyOf } from './history.js';
import { lastSetting, placedAt } from './placement.js';
import type { Placement, SessionChange } from './session-changes.js';

const pump = '00:1a:00:00:00:01' as Mac;
const other = '00:1a:00:00:00:02' as Mac;
const at = (minute: number): string => `2026-05-01T03:${String(minute).padStart(2, '0')}:00.000Z`;

const placement = (segment: string, decisionId: string): Placement => ({
  class: 'infusion-pump',
  posture: 'unverified',
  site: 'main',
  segment,
  vlan: segment === 'pumps' ? 210 : 666,
  role: 'infusion-pump',
  rule: 'rules/access.csv:3',
  decisionId,
  snapshotDigest: 'd1',
  method: 'mac',
  acctSessionId: null,
});

function accept(minute: number, segment = 'pumps', change: Partial<AuthenticationView> = {}): AuthenticationView {
  const { acctSessionId: _, role: __, ...grant } = placement(segment, `a${minute}`);
  const place = { id: minute, bridge: 'b', at: at(minute), mac: pump, nas: 'sw1', nasPort: '7', count: 1 };
  return { ...place, ...grant, outcome: 'accept', reason: 'granted', code: null, ...change };
}

const rejected = {
  outcome: 'reject',
  segment: null,
  vlan: null,
  rule: null,
  reason: 'no place',
  code: 'no-grant',
} as const;

function changed(minute: number, change: SessionChange, mac = pump): SessionChangeRow {
  return { id: minute, session: 's', at: at(minute), mac, nas: 'sw1', nasPort: '7', document: change };
}

const began = (minute: number, segment = 'pumps'): SessionChangeRow =>
  changed(minute, { kind: 'began', placement: placement(segment, `a${minute}`) });
const moved = (minute: number, segment: string): SessionChangeRow =>
  changed(minute, { kind: 'moved', from: placement('pumps', 'x'), placement: placement(segment, `c${minute}`) });
const ended = (minute: number): SessionChangeRow => changed(minute, { kind: 'ended', reason: 'User-Request' });

describe('where a device was', () => {
  it.each([
    ['nowhere, when nothing is stored', [], [], []],
    ['where its authentication put it', [accept(1)], [], ['placed pumps since 1 by authentication']],
    [
      'there since the first of many alike',
      [accept(1), accept(2), accept(3)],
      [began(1)],
      ['placed pumps since 1 by authentication'],
    ],
    ['where a CoA moved it', [accept(1)], [began(1), moved(5, 'quarantine')], ['placed quarantine since 5 by coa']],
    [
      'where its next authentication put it, although the session moved, too',
      [accept(1), accept(5, 'quarantine', { decisionId: 'c5' })],
      [began(1), moved(5, 'quarantine')],
      ['placed quarantine since 5 by authentication'],
    ],
    [
      'back since it came back',
      [accept(1), accept(9)],
      [began(1), moved(5, 'quarantine'), moved(9, 'pumps')],
      ['placed pumps since 9 by coa'],
    ],
    [
      'rejected, with the last word',
      [accept(1), accept(4, 'pumps', rejected)],
      [],
      ['rejected null since 4 by authentication'],
    ],
    ['gone after its session ended', [accept(1)], [began(1), ended(6)], ['gone null since 6 by session-end']],
  ])('is %s', (_, authentications, changes, expected) => {
    const devices = placedAt({ authentications, changes });
    expect(
      devices.map(
        ({ state, segment, since, by }) => `${state} ${segment} since ${new Date(since).getUTCMinutes()} by ${by}`,
      ),
    ).toEqual(expected);
  });

  it('is told of each device on a port: who has a place, then who was rejected, not who is gone', () => {
    const authentications = [
      accept(1),
      accept(2, 'pumps', { mac: other }),
      accept(3, 'pumps', { mac: '00:1a:00:00:00:03', ...rejected }),
    ];
    const devices = placedAt({ authentications, changes: [ended(4)] });
    expect(devices.map(({ mac, state }) => [mac, state])).toEqual([
      [other, 'placed'],
      ['00:1a:00:00:00:03', 'rejected'],
    ]);
  });

  it('leads to the authentication that decided it', () => {
    const [device] = placedAt({ authentications: [accept(1), accept(2)], changes: [] });
    expect(device).toMatchObject({ decision: { decisionId: 'a2' }, since: at(1), rule: 'rules/access.csv:3' });
  });
});

describe('who gave a record its posture', () => {
  const entry = (id: number, before: object | null, after: object | null): AuditRow => {
    return {
      id,
      at: at(id),
      actor: `actor ${id}`,
      action: 'device.posture',
      target: pump,
      reason: null,
      before,
      after,
    };
  };

  it('is the last who changed it, not who changed something else since', () => {
    const audit = [
      entry(3, { posture: 'quarantined', name: 'a' }, { posture: 'quarantined', name: 'b' }),
      entry(2, { posture: 'normal' }, { posture: 'quarantined' }),
      entry(1, null, { posture: 'normal' }),
    ];
    expect(lastSetting(audit, 'posture')?.actor).toBe('actor 2');
    expect(lastSetting(audit, 'class')).toBeNull();
  });
});

describe('a history', () => {
  const version = {
    digest: 'd2',
    commit: 'c2',
    author: 'Ada',
    committedAt: at(0),
    message: 'move pumps',
    inForceAt: at(5),
  };
  const versionOf = (digest: string) => (digest === 'd2' ? version : null);
  const types = (authentications: AuthenticationView[]): string[] =>
    historyOf({ authentications, changes: [], audit: [], suspicions: [], isCut: false }, versionOf).map(
      (entry) => `${new Date(entry.at).getUTCMinutes()} ${entry.type}`,
    );

  it('names the policy between two grants that differ, at the time when it came into force', () => {
    const after = accept(9, 'quarantine', { snapshotDigest: 'd2' });
    expect(types([accept(1), after])).toEqual(['1 authentication', '5 policy', '9 authentication']);
  });

  it.each([
    ['the posture changed as well', { segment: 'quarantine', posture: 'quarantined' as const, snapshotDigest: 'd2' }],
    ['the grant is the same', { snapshotDigest: 'd2' }],
    ['the policy is the same', { segment: 'quarantine' }],
    ['the policy is not known any more', { segment: 'quarantine', snapshotDigest: 'd3' }],
  ])('does not when %s', (_, change) => {
    expect(types([accept(1), accept(9, 'pumps', change)])).toEqual(['1 authentication', '9 authentication']);
  });
});
