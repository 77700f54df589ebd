import type { Mac } from '#net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleOrigin, testParts } from '../../test/parts.js';
import { sampleSnapshot } from '../../test/sample-policy.js';
import { DeliveryWatch } from './delivery-watch.js';
import type { TrackedSession } from './tracked-session.js';

const start = Date.parse('2026-11-30T12:00:00Z');
const grant = {
  class: 'infusion-pump',
  posture: 'unverified' as const,
  site: 'main',
  segment: 'pumps',
  vlan: 210,
  role: 'infusion-pump',
  rule: 'rules/access.csv:2',
  decisionId: 'cordon:1',
  snapshotDigest: 'd',
};

describe('whether a switch took what it was told', () => {
  let now: number;
  let parts: ReturnType<typeof testParts>;
  let watch: DeliveryWatch;
  let lines: string[];

  beforeEach(() => {
    now = start;
    lines = [];
    parts = testParts(sampleSnapshot());
    const log = (_: string, message: string) => void lines.push(message);
    watch = new DeliveryWatch(parts.sessions, parts.counters, log, () => now);
  });
  afterEach(() => watch.close());

  function session(n: number, isWireless = false, successorOf: TrackedSession | null = null): TrackedSession {
    const mac = `00:1a:2b:3c:4d:0${n}` as Mac;
    const identification = {
      mac,
      userName: mac,
      callingStationId: mac,
      acctSessionId: null,
      auditSessionId: null,
      nasIpAddress: null,
      nasIpv6Address: null,
      nasIdentifier: null,
      nasPort: n,
      nasPortId: null,
    };
    const origin = { ...sampleOrigin(mac, identification), isWireless };
    return parts.sessions.create(origin, grant, 'told', new Date(now), { successorOf })!;
  }
  const after = (seconds: number): void => {
    now = start + seconds * 1000;
    watch.sweep();
  };
  const stateOf = ({ session: { delivery } }: TrackedSession): string => delivery.state;

  it('waits, and is content with accounting', () => {
    const one = session(1);
    watch.accepted(one, false);
    expect(stateOf(one)).toBe('waiting');
    now += 3000;
    watch.accounted(one);
    after(60);
    expect(stateOf(one)).toBe('confirmed');
  });

  it('finds within a minute a reply that a switch ignores, though it accounts for others', () => {
    const [one, other] = [session(1), session(2)];
    for (const each of [one, other]) watch.accepted(each, false);
    watch.accounted(other);
    after(44);
    expect(stateOf(one)).toBe('waiting');
    after(50);
    expect(one.session.delivery).toMatchObject({
      state: 'ignored',
      reason: expect.stringContaining('not this one') as string,
    });
    expect([stateOf(other), lines.length, parts.counters.get('sessions.not-taken.ignored')]).toEqual([
      'confirmed',
      1,
      1,
    ]);
    watch.accounted(one);
    expect(stateOf(one)).toBe('confirmed');
  });

  it('says nothing of a switch that does no accounting', () => {
    const one = session(1);
    watch.accepted(one, false);
    after(50);
    expect([one.session.delivery, lines]).toMatchObject([{ state: 'unknown', reason: null }, []]);
  });

  it('says nothing of a device that left meanwhile', () => {
    const [one, other] = [session(1), session(2)];
    watch.accepted(one, false);
    watch.accounted(other);
    parts.sessions.close(one, 'gone', new Date(now));
    after(50);
    expect(stateOf(one)).toBe('waiting');
  });

  it('finds a switch that asks again and again, and says what may be wrong', () => {
    const one = session(1);
    for (const [n, second] of [0, 20, 40].entries()) {
      now = start + second * 1000;
      watch.accepted(one, n > 0);
    }
    expect(one.session.delivery).toMatchObject({
      state: 'looping',
      reason:
        'the switch asked 3 times within 40 s for a device that was accepted: does it have `pumps` (VLAN 210), and room for the ACL?',
    });
    expect(lines).toEqual(['a switch does not take what it is told']);
  });

  it('finds it also where each try is a session of its own, says it once, and sees it end', () => {
    let one = session(1);
    watch.accepted(one, false);
    for (const n of [1, 2, 3, 4]) {
      now = start + n * 5000;
      one = session(1, false, one);
      watch.accepted(one, false);
    }
    expect(one.session.delivery).toMatchObject({
      state: 'looping',
      reason: expect.stringContaining('asked 3 times within 10 s') as string,
    });
    expect([lines.length, parts.counters.get('sessions.not-taken.looping')]).toEqual([1, 1]);
    one = session(1, false, one);
    watch.accepted(one, false);
    now += 1000;
    watch.accounted(one);
    expect(stateOf(one)).toBe('confirmed');
    watch.accepted(one, true);
    expect(stateOf(one)).toBe('confirmed');
  });

  it('bears a device that is plugged in and out, and one on a radio', () => {
    const [one, roaming] = [session(1), session(2, true)];
    for (let n = 0; n < 5; n++) {
      now = start + n * 20_000;
      watch.accepted(one, n > 0);
      watch.accounted(one);
      for (let i = 0; i < 5; i++) watch.accepted(roaming, true);
    }
    expect([stateOf(one), stateOf(roaming), lines]).toEqual(['confirmed', 'waiting', []]);
  });

  it('does not take a re-authentication each hour for a loop, and forgets a loop that is over', () => {
    const one = session(1);
    for (let n = 0; n < 10; n++) {
      now = start + n * 3_600_000;
      watch.accepted(one, n > 0);
    }
    expect(stateOf(one)).toBe('waiting');
    for (let n = 0; n < 3; n++) watch.accepted(one, true);
    expect(stateOf(one)).toBe('looping');
    now += 200_000;
    watch.accounted(one);
    expect(stateOf(one)).toBe('confirmed');
  });
});
