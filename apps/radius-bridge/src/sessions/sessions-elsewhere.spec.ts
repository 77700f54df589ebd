import type { Session } from '#model';
import { parseMac } from '#net';
import { beforeEach, describe, expect, it } from 'vitest';
import { openSession, testParts } from '../../test/parts.js';
import { sampleSnapshot } from '../../test/sample-policy.js';
import { SessionsElsewhere } from './sessions-elsewhere.js';
import type { TrackedSession } from './tracked-session.js';

const mac = parseMac('00:1a:2b:3c:4d:5e')!;
const start = Date.parse('2026-11-24T12:00:00Z');
const at = (minutes: number): string => new Date(start + minutes * 60_000).toISOString();

describe('a session at another bridge', () => {
  let parts: ReturnType<typeof testParts>;
  let elsewhere: SessionsElsewhere;
  let ours: TrackedSession;

  /** Ours is of minute 10. */
  beforeEach(() => {
    parts = testParts(sampleSnapshot());
    parts.devices.load([[mac, 'infusion-pump', 'normal', '', '']], 1);
    elsewhere = new SessionsElsewhere(
      parts.sessions,
      parts.snapshots,
      () => undefined,
      () => new Date(start),
    );
    ours = openSession(parts, mac, new Date(at(10)));
  });

  /** As ours, but for this. */
  function take(change: Partial<Session>): void {
    const session = { ...structuredClone(ours.session), id: 'theirs', revision: 5, startedAt: at(0), ...change };
    elsewhere.take({ bridge: 'b/1', session });
  }
  const earlier = { heardAt: at(5), toldAt: at(5), addressesAt: at(5) };

  it('that the switch spoke of earlier is succeeded, and leaves its addresses and its beginning', () => {
    take({ ...earlier, addresses: ['10.21.0.5', 'fd21::5', '10.99.0.1'] });
    expect(ours.session).toMatchObject({
      succeeds: [{ id: 'theirs', revision: 5 }],
      addresses: ['10.21.0.5', 'fd21::5'],
      addressesAt: at(5),
      startedAt: at(0),
    });
  });

  it('is not told twice', () => {
    take(earlier);
    const { revision } = ours.session;
    take(earlier);
    expect(ours.session.revision).toBe(revision);
  });

  it('that the switch spoke of earlier knows addresses that were reported later', () => {
    parts.sessions.change(ours, { addresses: ['10.21.0.1', 'fd21::1'], addressesAt: at(2) }, new Date(at(10)));
    take({ ...earlier, addresses: ['10.21.0.5'] });
    expect(ours.session).toMatchObject({ addresses: ['10.21.0.5', 'fd21::1'], addressesAt: at(5) });
  });

  it('does not bring back addresses that were reported before ours', () => {
    parts.sessions.change(ours, { addresses: ['10.21.0.1'], addressesAt: at(9) }, new Date(at(10)));
    take({ ...earlier, addresses: ['10.21.0.5', 'fd21::5'] });
    expect(ours.session).toMatchObject({ addresses: ['10.21.0.1', 'fd21::5'], addressesAt: at(9) });
  });

  const told = { told: 'theirs', segment: 'quarantine', vlan: 999, method: 'certificate', decisionId: 'd9' } as const;

  it('says what the switch was told, where nothing is known of that here', () => {
    parts.sessions.doubt(ours, new Date(at(10)));
    ours.toldAt = 0;
    take({ ...earlier, ...told });
    expect(ours.session).toMatchObject({ ...told, toldAt: at(5) });
    expect(ours.toldAt).toBe(Date.parse(at(5)));
  });

  it('does not say what the switch was told, where it was told here later', () => {
    const { told: before, segment } = ours.session;
    take({ ...earlier, ...told });
    expect(ours.session).toMatchObject({ told: before, segment, method: 'mac' });
  });

  it('leaves nothing where it was another session, on the same port', () => {
    take({ ...earlier, acctSessionId: 'older', addresses: ['10.21.0.5'] });
    expect(ours.session).toMatchObject({ succeeds: [{ id: 'theirs', revision: 5 }], addresses: [], startedAt: at(10) });
  });

  it.each<[string, Partial<Session>]>([
    ['on another port, by another name', { nasPort: '8', acctSessionId: 'other' }],
    ['on another port, without a name', { nasPort: '8', acctSessionId: null }],
    ['by another switch', { nas: 'other' }],
    ['that is over', { state: 'closed' }],
  ])('is another matter: %s', (_, change) => {
    take({ ...earlier, ...change });
    expect(ours.session).toMatchObject({ state: 'open', succeeds: [] });
  });

  it('has the name of what is on the port now, where it began later and all that was heard here since named none', () => {
    parts.sessions.change(ours, { addresses: ['10.21.0.1'], addressesAt: at(1), startedAt: at(0) }, new Date(at(10)));
    take({ ...earlier, startedAt: at(3), acctSessionId: 'newer', addresses: [] });
    expect(ours.session).toMatchObject({ acctSessionId: 'newer', startedAt: at(3), addresses: [] });
    expect(ours.identification.acctSessionId).toBe('newer');
  });

  const later = (revision: number): Partial<Session> => ({
    heardAt: at(15),
    succeeds: [{ id: ours.session.id, revision }],
  });

  it('that the switch spoke of later ends ours, if it knows all that ours says', () => {
    take(later(ours.session.revision));
    expect(ours.session).toMatchObject({ state: 'closed', endReason: 'the switch went on with bridge b' });
  });

  it('ends ours when the switch said there that it is over', () => {
    take({ ...later(ours.session.revision), state: 'closed' });
    expect(ours.session.state).toBe('closed');
  });

  it.each<[string, () => Partial<Session>]>([
    ['it does not know what ours has said since', () => later(ours.session.revision - 1)],
    ['it does not say that it takes its place', () => ({ heardAt: at(15) })],
    ['the switch spoke of ours since', () => ({ ...later(ours.session.revision), heardAt: at(9) })],
  ])('leaves ours open: %s', (_, change) => {
    take(change());
    expect(ours.session.state).toBe('open');
  });
});
