import { describe, expect, it } from 'vitest';
import { findLost, newLedger, type Ledger, type Stored } from './ledger.ts';

const mac = '00:1a:2b:00:00:01';

const ledger = (): Ledger => {
  const made = newLedger();
  made.reasons.push('chaos 1');
  made.devices.set(mac, { class: 'infusion-pump', posture: 'quarantined' });
  made.commits.add('c0ffee');
  made.orders.set(3, { isClosed: true });
  return made;
};
const kept: Stored = {
  reasons: [null, 'chaos 1'],
  devices: [{ mac, class: 'infusion-pump', posture: 'quarantined' }],
  commits: ['c0ffee'],
  orders: [{ id: 3, closedAt: '2026-11-30T12:00:00.000Z' }],
};

describe('what was acknowledged', () => {
  it('is all there', () => {
    expect(findLost(ledger(), kept)).toEqual([]);
  });

  it.each<[string, Partial<Stored>, RegExp]>([
    ['an entry of the audit trail', { reasons: [] }, /audit trail lacks `chaos 1`/],
    ['a device', { devices: [] }, /not registered/],
    ['a quarantine', { devices: [{ mac, class: 'infusion-pump', posture: 'normal' }] }, /is infusion-pump, normal/],
    ['a commit', { commits: [] }, /c0ffee/],
    ['an order', { orders: [] }, /break-glass 3 is gone/],
    ['the end of an order', { orders: [{ id: 3, closedAt: null }] }, /open again/],
  ])('is missed: %s', (_, change, problem) => {
    expect(findLost(ledger(), { ...kept, ...change })).toEqual([expect.stringMatching(problem)]);
  });
});
