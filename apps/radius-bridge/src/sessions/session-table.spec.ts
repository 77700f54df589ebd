import { parseMac } from '#net';
import { describe, expect, it } from 'vitest';
import { SessionTable, stampRefreshed, type Acceptance } from './session-table.js';

const at = Date.parse('2026-11-01T12:00:00Z');
const acceptance: Acceptance = {
  mac: parseMac('00:1a:2b:3c:4d:5e')!,
  nas: 'switch-1',
  nasAddress: '10.0.0.1',
  ssid: null,
  method: 'mac',
  heard: {
    userName: '001a2b3c4d5e',
    callingStationId: '00-1A-2B-3C-4D-5E',
    acctSessionId: 'A',
    auditSessionId: null,
    nasIpAddress: '10.0.0.1',
    nasIpv6Address: null,
    nasIdentifier: null,
    nasPort: 7,
    nasPortId: null,
  },
  grant: {
    class: 'pump',
    posture: 'unverified',
    site: 'main',
    segment: 'pumps',
    vlan: 210,
    role: 'pump',
    rule: 'rules/access.csv:3',
    snapshotDigest: 'sha256:one',
  },
  decisionId: 'cordon:000000000001',
  told: 'fingerprint',
};

function table(maxSessions = 10) {
  const calls: string[] = [];
  const sessions = new SessionTable(maxSessions, {
    onChange: () => calls.push('change'),
    onRefresh: () => calls.push('refresh'),
    onForgotten: () => calls.push('forgotten'),
    onAccepted: () => undefined,
  });
  return { sessions, calls, all: () => [...sessions.all()].map(({ session }) => session) };
}

describe('an Access-Accept', () => {
  it('that repeats what the NAS was told refreshes the session: one revision however often it came', () => {
    const { sessions, calls, all } = table();
    sessions.accepted(acceptance, at);
    sessions.accepted({ ...acceptance, decisionId: 'cordon:000000000002' }, at + 1000);
    const grant = { ...acceptance.grant, rule: 'rules/access.csv:4', snapshotDigest: 'sha256:two' };
    sessions.accepted({ ...acceptance, grant, decisionId: 'cordon:000000000003' }, at + 2000);
    expect(calls).toEqual(['change', 'refresh', 'refresh']);
    const [tracked] = sessions.all();
    stampRefreshed(tracked!);
    expect(all()).toMatchObject([
      {
        revision: 2,
        updatedAt: '2026-11-01T12:00:02.000Z',
        decisionId: 'cordon:000000000003',
        rule: 'rules/access.csv:4',
        snapshotDigest: 'sha256:two',
      },
    ]);
    expect(tracked!.aliveAt).toBe(at + 2000);
  });

  it.each([
    [null, 15, false],
    [null, null, false],
    [null, 19, true],
    [null, 18, true],
    ['clinical', null, true],
  ])('with SSID %s and NAS-Port-Type %s begins a session that is wireless: %s', (ssid, nasPortType, isWireless) => {
    const { sessions, all } = table();
    sessions.accepted({ ...acceptance, ssid, heard: { ...acceptance.heard, nasPortType } }, at);
    expect(all()).toMatchObject([{ isWireless }]);
  });

  it.each<[string, Partial<Acceptance>]>([
    ['another fingerprint', { told: 'another' }],
    ['another segment', { grant: { ...acceptance.grant, segment: 'imaging' } }],
    ['another posture', { grant: { ...acceptance.grant, posture: 'at-risk' } }],
    ['another address of the NAS', { nasAddress: '10.0.0.2' }],
  ])('changes the session: %s', (_, change) => {
    const { sessions, calls, all } = table();
    sessions.accepted(acceptance, at);
    sessions.accepted({ ...acceptance, ...change }, at + 1000);
    expect(calls).toEqual(['change', 'change']);
    expect(all()).toMatchObject([{ revision: 2, updatedAt: '2026-11-01T12:00:01.000Z' }]);
  });

  it('for another session id ends the session that was on the port', () => {
    const { sessions, all } = table();
    sessions.accepted(acceptance, at);
    sessions.accepted({ ...acceptance, heard: { ...acceptance.heard, acctSessionId: 'B' } }, at + 1000);
    expect(all().map(({ acctSessionId, state }) => [acctSessionId, state])).toEqual([
      ['A', 'closed'],
      ['B', 'open'],
    ]);
  });

  it('hands to the session of the next try how often it was accepted, unless the NAS told an end between', () => {
    const { sessions } = table();
    const tryAs = (acctSessionId: string): void =>
      void sessions.accepted({ ...acceptance, heard: { ...acceptance.heard, acctSessionId } }, at);
    const current = () => sessions.openAt(acceptance.mac, 'switch-1', '7');
    tryAs('A');
    Object.assign(current()!, { accepts: 2, acceptsSince: at });
    tryAs('B');
    expect(current()).toMatchObject({ accepts: 2, acceptsSince: at });
    sessions.close(current()!, 'stopped', new Date(at));
    tryAs('C');
    expect(current()).toMatchObject({ accepts: 0, acceptsSince: 0 });
  });

  it('learns a name that the first request did not say, and keeps it when a later one leaves it out', () => {
    const { sessions } = table();
    sessions.accepted({ ...acceptance, heard: { ...acceptance.heard, acctSessionId: null } }, at);
    sessions.accepted({ ...acceptance, heard: { ...acceptance.heard, auditSessionId: '0A0B' } }, at + 1000);
    sessions.accepted({ ...acceptance, heard: { ...acceptance.heard, acctSessionId: null } }, at + 2000);
    const [tracked] = sessions.all();
    expect(tracked!.identification).toMatchObject({ acctSessionId: 'A', auditSessionId: '0A0B' });
    expect(tracked!.session.acctSessionId).toBe('A');
  });

  it('is not tracked when the table is full', () => {
    const { sessions } = table(0);
    expect(sessions.accepted(acceptance, at)).toBe(false);
  });
});
