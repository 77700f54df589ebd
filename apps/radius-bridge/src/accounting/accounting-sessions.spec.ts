import type { Session } from '#model';
import { parseMac } from '#net';
import {
  decodePacket,
  integerAttribute,
  ipv4Attribute,
  readAccounting,
  readRequestContext,
  Secret,
  signRequest,
  textAttribute,
  types,
  codes,
  type Attribute,
} from '#radius';
import { beforeEach, describe, expect, it } from 'vitest';
import { testParts } from '../../test/parts.js';
import { sampleSnapshot } from '../../test/sample-policy.js';
import type { Client } from '../clients/client-table.js';
import { AccountingSessions } from './accounting-sessions.js';

const mac = parseMac('00:1a:2b:3c:4d:5e')!;
const snapshot = sampleSnapshot();
const statuses = { start: 1, stop: 2, interim: 3, on: 7 };

describe('accounting', () => {
  let parts: ReturnType<typeof testParts>;
  let accounting: AccountingSessions;
  let now: number;

  beforeEach(() => {
    now = Date.parse('2026-11-01T12:00:00Z');
    parts = testParts(snapshot);
    parts.devices.load([[mac, 'infusion-pump', 'normal']], 1);
    const clock = () => new Date(now);
    accounting = new AccountingSessions(
      parts.sessions,
      parts.devices,
      parts.snapshots,
      parts.counters,
      () => undefined,
      clock,
    );
  });

  function record(status: keyof typeof statuses, id: string, more: readonly Attribute[] = []): void {
    now += 1000;
    const attributes = [
      integerAttribute(types.acctStatusType, statuses[status]),
      textAttribute(types.acctSessionId, id),
      textAttribute(types.callingStationId, '00-1A-2B-3C-4D-5E'),
      integerAttribute(types.nasPort, 7),
      ...more,
    ];
    const packet = decodePacket(signRequest(codes.accountingRequest, 1, attributes, new Secret('s')));
    if (typeof packet === 'string') throw new Error(packet);
    const client = parts.snapshots.current!.clients.find('127.0.0.1') as Client;
    const context = readRequestContext(packet);
    accounting.apply({ record: readAccounting(packet)!, context, client, nasAddress: '127.0.0.1' });
  }

  const all = (): Session[] => [...parts.sessions.all()].map(({ session }) => session);
  const octets = (count: number) => [integerAttribute(types.acctInputOctets, count)];

  it.each([
    ['start, interim, stop', ['start', 'interim', 'stop']],
    ['interim and stop without start', ['interim', 'stop']],
    ['stop alone', ['stop']],
    ['everything twice', ['start', 'start', 'interim', 'interim', 'stop', 'stop']],
    ['stop before a late interim and a late start', ['stop', 'interim', 'start']],
  ] as const)('has one closed session after %s', (_, order) => {
    for (const status of order) record(status, 'A', octets(status === 'stop' ? 50 : 10));
    expect(all()).toMatchObject([{ state: 'closed', acctSessionId: 'A', inputOctets: 50, vlan: 210 }]);
  });

  it('takes what it first hears of here as never told', () => {
    record('interim', 'A');
    expect([...parts.sessions.all()].map(({ told }) => told)).toEqual([null]);
  });

  it('closes the session that was on the port when another one starts, and not when an old one stops', () => {
    record('start', 'A');
    record('start', 'B');
    record('stop', 'OLD');
    expect(all().map(({ acctSessionId, state }) => [acctSessionId, state])).toEqual([
      ['A', 'closed'],
      ['B', 'open'],
      ['OLD', 'closed'],
    ]);
  });

  it('learns addresses of the segment only, and never turns octets back', () => {
    record('start', 'A', [ipv4Attribute(types.framedIpAddress, '10.21.0.5'), ...octets(100)]);
    record('interim', 'A', [ipv4Attribute(types.framedIpAddress, '10.10.4.20'), ...octets(90)]);
    expect(all()).toMatchObject([{ addresses: ['10.21.0.5'], inputOctets: 100 }]);
    expect(parts.counters.get('accounting.ignored.address-outside-segment')).toBe(1);
    record('interim', 'A', [ipv4Attribute(types.framedIpAddress, '10.21.0.6')]);
    expect(all()).toMatchObject([{ addresses: ['10.21.0.6'] }]);
  });

  it('closes the sessions of a NAS that restarted, and not by a late copy those that began since', () => {
    record('start', 'A');
    record('on', '0');
    expect(all()).toMatchObject([{ acctSessionId: 'A', state: 'closed', endReason: 'the NAS restarted' }]);
    record('start', 'B');
    record('on', '0', [integerAttribute(types.acctDelayTime, 60)]);
    expect(all().find(({ acctSessionId }) => acctSessionId === 'B')?.state).toBe('open');
  });

  it('closes a session without a sign of life after two session timeouts, and an interim brings it back', () => {
    record('start', 'A');
    parts.sessions.expire(new Date(now + 7_300_000), () => 3600);
    expect(all()).toMatchObject([{ state: 'closed' }]);
    record('interim', 'A');
    expect(all()).toMatchObject([{ state: 'open', endedAt: null }]);
  });
});
