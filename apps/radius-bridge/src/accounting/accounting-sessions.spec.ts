import type { Session } from '#model';
import { parseMac } from '#net';
import {
  ciscoAvPairAttribute,
  decodePacket,
  dateAttribute,
  integerAttribute,
  ipv4Attribute,
  ipv6Attribute,
  octetsAttribute,
  readAccounting,
  readDeviceSensor,
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
const statuses = { start: 1, stop: 2, interim: 3, on: 7, off: 8 };
type Status = keyof typeof statuses;

/** Where a record comes from, if not from port 7 of the first switch. */
interface From {
  readonly source?: string;
  readonly port?: number;
}

const silent = {
  userName: null,
  callingStationId: null,
  acctSessionId: null,
  auditSessionId: null,
  nasIpAddress: null,
  nasIpv6Address: null,
  nasIdentifier: null,
  nasPort: null,
  nasPortId: null,
};

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((first, i) => permutations(list.toSpliced(i, 1)).map((rest) => [first, ...rest]));
}

describe('accounting', () => {
  let parts: ReturnType<typeof testParts>;
  let accounting: AccountingSessions;
  let now: number;

  beforeEach(() => {
    now = Date.parse('2026-11-01T12:00:00Z');
    parts = testParts(snapshot);
    parts.devices.load([[mac, 'infusion-pump', 'normal', '', '']], 1);
    accounting = accountingOf(parts);
  });

  function accountingOf({ sessions, devices, snapshots, counters }: typeof parts): AccountingSessions {
    return new AccountingSessions(
      sessions,
      devices,
      snapshots,
      counters,
      () => undefined,
      () => new Date(now),
    );
  }

  function record(status: Status, id: string, more: readonly Attribute[] = [], from: From = {}): void {
    const { source = '127.0.0.1', port = 7 } = from;
    now += 1000;
    const attributes = [
      integerAttribute(types.acctStatusType, statuses[status]),
      textAttribute(types.acctSessionId, id),
      textAttribute(types.callingStationId, '00-1A-2B-3C-4D-5E'),
      integerAttribute(types.nasPort, port),
      ...more,
    ];
    const packet = decodePacket(signRequest(codes.accountingRequest, 1, attributes, new Secret('s')));
    if (typeof packet === 'string') throw new Error(packet);
    const client = parts.snapshots.current!.clients.find(source) as Client;
    const context = readRequestContext(packet);
    const sensed = readDeviceSensor(packet.attributes);
    accounting.apply({ record: readAccounting(packet)!, context, sensed, client, nasAddress: source });
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
    expect([...parts.sessions.all()].map(({ session: { told } }) => told)).toEqual([null]);
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

  describe('the NAS restarts', () => {
    const nasNamed = (name: string) => [textAttribute(types.nasIdentifier, name)];
    const onSsid = (ssid: string) => [textAttribute(types.calledStationId, `02-00-00-00-00-01:${ssid}`)];

    it.each<[string, () => void, () => void, boolean]>([
      ['its own session', () => record('start', 'A'), () => record('on', '0'), false],
      ['its own session, when it goes down', () => record('start', 'A'), () => record('off', '0'), false],
      [
        'not that of another NAS',
        () => record('start', 'A', [], { source: '127.0.0.2' }),
        () => record('on', '0'),
        true,
      ],
      [
        'not that of another NAS behind the same proxy',
        () => record('start', 'A', nasNamed('one')),
        () => record('on', '0', nasNamed('two')),
        true,
      ],
      [
        'that of a NAS which says its name only sometimes',
        () => record('start', 'A'),
        () => record('on', '0', nasNamed('two')),
        false,
      ],
      [
        'not that of another network of an access point',
        () => record('start', 'A', onSsid('clinical')),
        () => record('on', '0', onSsid('guests')),
        true,
      ],
      [
        'not one that began since, by the clock of the NAS',
        () => record('start', 'A'),
        () => record('on', '0', at(-60)),
        true,
      ],
    ])('and ends %s', (_, begin, restart, staysOpen) => {
      begin();
      restart();
      expect(all()).toMatchObject([{ state: staysOpen ? 'open' : 'closed' }]);
    });
  });

  /** Event-Timestamp, seconds from now. */
  const at = (seconds: number): Attribute[] => [dateAttribute(types.eventTimestamp, new Date(now + seconds * 1000))];
  const seconds = (text: string | null): number => (Date.parse(text!) - Date.parse('2026-11-01T12:00:00Z')) / 1000;

  it('has the times of the NAS, not those of arrival', () => {
    record('interim', 'A', [integerAttribute(types.acctSessionTime, 600), integerAttribute(types.acctDelayTime, 30)]);
    record('stop', 'A', [integerAttribute(types.acctDelayTime, 15)]);
    const [session] = all();
    expect([seconds(session!.startedAt), seconds(session!.endedAt)]).toEqual([-629, -13]);
  });

  it('never ends a session before it began', () => {
    record('start', 'A');
    record('stop', 'A', [integerAttribute(types.acctDelayTime, 4000)]);
    const [session] = all();
    expect(session!.endedAt).toBe(session!.startedAt);
  });

  it('keeps sessions of two NASes apart that have the same id', () => {
    record('start', 'A');
    record('start', 'A', [], { source: '127.0.0.2' });
    record('stop', 'A', octets(5), { source: '127.0.0.2' });
    expect(all()).toMatchObject([
      { nas: 'switch-rfc', state: 'open', inputOctets: 0 },
      { nas: 'switch-cisco', state: 'closed', inputOctets: 5 },
    ]);
  });

  it('takes an id that comes again after a restart for a new session, when the NAS says when it began', () => {
    record('start', 'A');
    record('on', '0');
    record('start', 'A', at(1));
    expect(all().map(({ state }) => state)).toEqual(['closed', 'open']);
    record('interim', 'A', octets(7));
    expect(all().map(({ inputOctets }) => inputOctets)).toEqual([0, 7]);
    record('stop', 'A');
    expect(all().map(({ state }) => state)).toEqual(['closed', 'closed']);
  });

  it('finds the session of our decision by Class, when the NAS gives it a name that an old one had', () => {
    record('start', 'A');
    record('stop', 'A');
    const accepted = accept('cordon:000000000001');
    const named = [octetsAttribute(types.class, Buffer.from('cordon:000000000001'))];
    record('start', 'A', named);
    expect(all()).toMatchObject([{ state: 'closed' }, { id: accepted.id, state: 'open', acctSessionId: 'A' }]);
  });

  it('does not bring back beside its successor a session of which a late record comes', () => {
    record('start', 'A');
    record('start', 'B');
    record('interim', 'A', octets(9));
    expect(all()).toMatchObject([
      { acctSessionId: 'A', state: 'closed', inputOctets: 9 },
      { acctSessionId: 'B', state: 'open' },
    ]);
  });

  it('keeps why we ended a session when the NAS confirms it', () => {
    record('start', 'A');
    const [tracked] = parts.sessions.all();
    parts.sessions.close(tracked!, 'disconnected: to quarantine', new Date(now));
    record('stop', 'A', [integerAttribute(types.acctTerminateCause, 6), ...octets(3)]);
    expect(all()).toMatchObject([{ endReason: 'disconnected: to quarantine', inputOctets: 3 }]);
    record('interim', 'A');
    expect(all()).toMatchObject([{ state: 'closed' }]);
  });

  it('brings back a session that we ended and the NAS goes on with', () => {
    record('start', 'A');
    const [tracked] = parts.sessions.all();
    parts.sessions.close(tracked!, 'the NAS does not know the session', new Date(now));
    record('interim', 'A');
    expect(all()).toMatchObject([{ state: 'open', endReason: null }]);
  });

  describe('of what the device says of itself', () => {
    const says = (name: string) =>
      ciscoAvPairAttribute(`lldp-tlv=\u0000\u0005\u0000${String.fromCodePoint(name.length)}${name}`);
    const is = (description: string) =>
      ciscoAvPairAttribute(`lldp-tlv=\u0000\u0006\u0000${String.fromCodePoint(description.length)}${description}`);
    const fingerprint = () => all()[0]!.fingerprint;

    it('keeps what was told last, field by field, and what a later record leaves out', () => {
      record('start', 'A');
      expect(fingerprint()).toBeNull();
      record('interim', 'A', [says('pump-1')]);
      record('interim', 'A', [is('Linux')]);
      record('interim', 'A');
      expect(fingerprint()).toEqual({ 'lldp-system-name': 'pump-1', 'lldp-system-description': 'Linux' });
      record('interim', 'A', [says('pump-2')]);
      expect(fingerprint()).toEqual({ 'lldp-system-name': 'pump-2', 'lldp-system-description': 'Linux' });
    });

    it('keeps no second copy of what is repeated', () => {
      record('start', 'A', [says('pump-1')]);
      const first = fingerprint();
      record('interim', 'A', [says('pump-1')]);
      expect(fingerprint()).toBe(first);
    });

    it('gives it to no other session', () => {
      record('start', 'A', [says('pump-1')]);
      record('start', 'B');
      expect(all().map((session) => session.fingerprint)).toEqual([{ 'lldp-system-name': 'pump-1' }, null]);
    });
  });

  it('counts past 4 GiB', () => {
    record('interim', 'A', [integerAttribute(types.acctInputOctets, 5), integerAttribute(types.acctInputGigawords, 3)]);
    record('interim', 'A', [integerAttribute(types.acctInputOctets, 9)]); // an old one: the wrap is missing
    expect(all()).toMatchObject([{ inputOctets: 3 * 2 ** 32 + 5 }]);
  });

  it('learns both families, IPv6 also from prefix and interface, and forgets what the segment does not have', () => {
    const prefix = octetsAttribute(types.framedIpv6Prefix, Buffer.from('0040fd21000000000000', 'hex'));
    const interfaceId = octetsAttribute(types.framedInterfaceId, Buffer.from('021a2bfffe3c4d5e', 'hex'));
    record('start', 'A', [ipv4Attribute(types.framedIpAddress, '10.21.0.5')]);
    record('interim', 'A', [prefix, interfaceId]);
    expect(all()).toMatchObject([{ addresses: ['10.21.0.5', 'fd21::21a:2bff:fe3c:4d5e'] }]);
    record('interim', 'A', [
      ipv6Attribute(types.framedIpv6Address, 'fd21::7'),
      ipv6Attribute(types.framedIpv6Address, 'fe80::1'),
    ]);
    expect(all()).toMatchObject([{ addresses: ['10.21.0.5', 'fd21::7'] }]);
  });

  it('is the same whatever the order of records with times', () => {
    const told: [Status, Attribute[]][] = [
      ['start', [...at(0), ...octets(0)]],
      ['interim', [...at(60), ...octets(10)]],
      ['interim', [...at(120), ...octets(20)]],
      ['stop', [...at(180), ...octets(30)]],
    ];
    now += 1_000_000;
    for (const order of permutations(told)) {
      parts = testParts(snapshot);
      accounting = accountingOf(parts);
      for (const [status, attributes] of [...order, ...order]) record(status, 'A', attributes);
      expect(all()).toMatchObject([{ state: 'closed', inputOctets: 30 }]);
    }
  });

  /** An Access-Accept went out for the device on port 7. */
  function accept(decisionId: string): Session {
    const policy = parts.snapshots.current!;
    const { nas } = policy.clients.find('127.0.0.1') as Client;
    const decision = policy.authorizer.decide({ nas, ssid: null }, mac, parts.devices.find(mac), 'mac');
    if (decision.kind === 'refused') throw new Error(decision.detail);
    const heard = { ...silent, nasPort: 7 };
    const said = { mac, nas: nas.name, nasAddress: '127.0.0.1', ssid: null, method: 'mac' as const, heard };
    parts.sessions.accepted({ ...said, grant: decision.session, decisionId, told: decision.fingerprint }, now);
    return parts.sessions.openAt(mac, nas.name, '7')!.session;
  }

  it('closes a session without a sign of life after two session timeouts, and an interim brings it back', () => {
    record('start', 'A');
    parts.sessions.expire(new Date(now + 7_300_000), () => 3600);
    expect(all()).toMatchObject([{ state: 'closed' }]);
    record('interim', 'A');
    expect(all()).toMatchObject([{ state: 'open', endedAt: null }]);
  });
});
