import { sessionSchema } from '#model';
import { parseMac } from '#net';
import { describe, expect, it } from 'vitest';
import { sampleOrigin, testParts } from '../../test/parts.js';
import { sampleSnapshot } from '../../test/sample-policy.js';
import { readTracked } from './tracked-session.js';

const mac = parseMac('00:1a:2b:3c:4d:5e')!;

describe('readTracked', () => {
  const { sessions } = testParts(sampleSnapshot());
  const identification = {
    mac,
    userName: null,
    callingStationId: null,
    acctSessionId: 'A',
    auditSessionId: null,
    nasIpAddress: null,
    nasIpv6Address: null,
    nasIdentifier: null,
    nasPort: 7,
    nasPortId: null,
  };
  const grant = {
    class: 'pump',
    posture: 'unverified',
    site: 'main',
    segment: 'pumps',
    vlan: 210,
    role: 'pump',
    rule: 'rules/access.csv:3',
    decisionId: 'cordon:000000000001',
    snapshotDigest: 'x',
  } as const;
  const origin = sampleOrigin(mac, identification);
  const written = sessions.create(origin, grant, 'told', new Date('2026-11-24T12:00:00Z'))!;

  it('gives back what was written', () => {
    expect(readTracked(structuredClone(written))).toEqual({ tracked: written, isCompleted: false });
  });

  it('completes a session of an earlier release, so that the controller takes it', () => {
    const { convergence: _, earlierCoa: __, fingerprint: ___, ...session } = written.session;
    const lastCoa = { at: session.updatedAt, request: 'CoA-Request', outcome: 'nak', errorCause: 503, reason: 'x' };
    const { tracked, isCompleted } = readTracked(structuredClone({ ...written, session: { ...session, lastCoa } }));
    expect(isCompleted).toBe(true);
    expect(sessionSchema.parse(tracked.session)).toMatchObject({
      convergence: { state: 'settled' },
      lastCoa: null,
      fingerprint: null,
    });
  });
});
