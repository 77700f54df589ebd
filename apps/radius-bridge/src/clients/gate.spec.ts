import { randomBytes } from 'node:crypto';
import {
  codes,
  concatenatedAttributes,
  Secret,
  signRequest,
  textAttribute,
  types,
  type Attribute,
  type Code,
} from '#radius';
import { describe, expect, it } from 'vitest';
import { testParts, testSecret } from '../../test/parts.js';
import { sampleSnapshot } from '../../test/sample-policy.js';
import type { LogFields } from '../log.js';
import type { Source } from '../transport/source.js';
import { Admission } from './admission.js';
import { ExceptionAudit } from './exception-audit.js';
import { Gate } from './gate.js';
import { judgeAccounting, judgeAuthentication } from './message-authenticator.js';
import { Strangers } from './strangers.js';

const noon = Date.parse('2026-11-24T12:00:00Z');
const nas = (name: string, last: number, more: string): string =>
  `${name}: { address: 127.0.0.${last}, site: main, profile: rfc, ${more} }`;
const files = {
  'network/radsec.yaml':
    'certificate: "file:c"\nkey: "file:k"\nauthorities: "file:a"\nrevocationLists: null\nversions: ["1.3"]',
  'network/nas.yaml': [
    nas('strict', 1, 'secret: "env:S"'),
    nas('limited', 2, 'secret: "env:S", messageAuthenticator: limit-proxy-state'),
    nas('legacy', 3, 'secret: "env:S", messageAuthenticator: { exception: "CHG-7 old", until: 2026-11-24 }'),
    nas('mute', 4, 'secret: "env:MISSING"'),
    nas('tls', 5, 'transport: radsec, certificate: { from: dns-name, name: tls.test }'),
    nas('slow', 6, 'secret: "env:S", requestsPerSecond: 2'),
  ].join('\n'),
};

const user = textAttribute(types.userName, '001a2b3c4d5e');
const proxyState = textAttribute(types.proxyState, 'state');
const eap = concatenatedAttributes(types.eapMessage, Buffer.from('0200000501', 'hex'));
const state = textAttribute(types.state, 'sixteen bytes ok');

function request(attributes: readonly Attribute[], secret = testSecret, code: Code = codes.accessRequest): Buffer {
  const random = code === codes.accessRequest || code === codes.statusServer ? randomBytes(16) : undefined;
  return signRequest(code, 1, attributes, new Secret(secret), random);
}

/** As an old switch sends it. */
function unsigned(attributes: readonly Attribute[], code: Code = codes.accessRequest): Buffer {
  const signed = request(attributes, testSecret, code);
  const bytes = Buffer.concat([signed.subarray(0, 20), signed.subarray(38)]);
  bytes.writeUInt16BE(bytes.length, 2);
  return bytes;
}

function tampered(attributes: readonly Attribute[]): Buffer {
  const bytes = request(attributes);
  bytes[30]! ^= 1;
  return bytes;
}

const from = (last: number): Source => ({ address: `127.0.0.${last}`, port: 1024 });

function gateAt(judge = judgeAuthentication, isOverloaded = () => false) {
  const parts = testParts(sampleSnapshot(files));
  const logged: LogFields[] = [];
  const strangers = new Strangers();
  const audit = new ExceptionAudit((_, __, fields = {}) => void logged.push(fields));
  const gate = new Gate('authentication', judge, {
    ...parts,
    strangers,
    audit,
    admission: new Admission(isOverloaded),
  });
  return { gate, logged, strangers, counters: parts.counters };
}

/** Counters besides `.requests` after one packet, and whether it was admitted. */
function outcome(packet: Buffer, source: Source, now = noon): string {
  const { gate, counters } = gateAt();
  const admitted = gate.admit(packet, source, now, 0);
  const names = Object.keys(counters.toJSON().totals).map((name) => name.replace('authentication.', ''));
  return [admitted ? 'admitted' : 'silence', ...names].join(' ');
}

describe('what a client may leave unsigned (CVE-2024-3596)', () => {
  const late = Date.parse('2026-11-25T00:00:00Z');
  it.each<[string, Buffer, number, number, string]>([
    ['signed', request([user]), 1, noon, 'admitted'],
    ['unsigned', unsigned([user]), 1, noon, 'silence dropped.message-authenticator-missing'],
    ['unsigned, limit-proxy-state', unsigned([user]), 2, noon, 'admitted unsigned.without-proxy-state'],
    [
      'unsigned with Proxy-State, limit-proxy-state',
      unsigned([user, proxyState]),
      2,
      noon,
      'silence dropped.message-authenticator-missing',
    ],
    ['signed with Proxy-State, limit-proxy-state', request([user, proxyState]), 2, noon, 'admitted'],
    ['unsigned with Proxy-State, exception', unsigned([user, proxyState]), 3, noon, 'admitted unsigned.exception'],
    [
      'unsigned, exception on the day after its last',
      unsigned([user]),
      3,
      late,
      'silence dropped.message-authenticator-missing',
    ],
    ['unsigned, exception in its last second', unsigned([user]), 3, late - 1, 'admitted unsigned.exception'],
    [
      'unsigned EAP, exception (RFC 3579 §3.2)',
      unsigned([user, ...eap]),
      3,
      noon,
      'silence dropped.message-authenticator-missing',
    ],
    [
      'unsigned EAP, limit-proxy-state (RFC 3579 §3.2)',
      unsigned([user, ...eap]),
      2,
      noon,
      'silence dropped.message-authenticator-missing',
    ],
    [
      'unsigned Status-Server, exception (RFC 5997 §3)',
      unsigned([], codes.statusServer),
      3,
      noon,
      'silence dropped.message-authenticator-missing',
    ],
    ['wrongly signed, exception', tampered([user]), 3, noon, 'silence dropped.message-authenticator-invalid'],
    ['wrongly signed, limit-proxy-state', tampered([user]), 2, noon, 'silence dropped.message-authenticator-invalid'],
  ])('%s', (_, packet, last, now, expected) => {
    expect(outcome(packet, from(last), now)).toBe(expected);
  });

  it('by an exception is counted of its client each time, named in the record, and logged once an hour', () => {
    const { gate, logged, counters } = gateAt();
    for (let i = 0; i < 5; i++) {
      const admitted = gate.admit(unsigned([user]), from(3), noon + i, 0);
      expect(admitted?.exception).toBe('taken without Message-Authenticator until 2026-11-24: CHG-7 old');
    }
    gate.admit(unsigned([user]), from(3), noon + 3_600_000, 0);
    expect(counters.toJSON().clients['legacy']).toEqual({ 'authentication.unsigned.exception': 6 });
    expect(logged).toEqual([
      { nas: 'legacy', exception: 'CHG-7 old', until: '2026-11-24', requests: 1 },
      { nas: 'legacy', exception: 'CHG-7 old', until: '2026-11-24', requests: 5 },
    ]);
  });
});

describe('over TLS', () => {
  function overTls(packet: Buffer, judge = judgeAuthentication): { admitted: boolean; ended: string[] } {
    const ended: string[] = [];
    const connection = { nas: 'tls', end: (reason: string) => void ended.push(reason) };
    const admitted = gateAt(judge).gate.admit(packet, { ...from(5), connection }, noon, 0);
    return { admitted: admitted !== null, ended };
  }
  const radsec = 'radsec';

  it.each([
    ['takes what is signed with the secret of RFC 6614', request([user], radsec), true, []],
    ['takes what is not signed: TLS does it', unsigned([user, proxyState]), true, []],
    ['does not take unsigned EAP', unsigned([user, ...eap]), false, []],
    ['ends with a wrong signature', request([user], 'another'), false, ['message-authenticator-invalid']],
    [
      'ends with a packet that is none (RFC 6613 §2.6.4)',
      Buffer.concat([request([user], radsec).subarray(0, 20), Buffer.from([1, 1])]),
      false,
      ['malformed.truncated'],
    ],
    ['goes on after a code that nobody knows', request([user], radsec, codes.coaRequest), false, []],
  ])('%s', (_, packet, admitted, ended) => {
    expect(overTls(packet)).toEqual({ admitted, ended });
  });

  it('ends with accounting that its client did not sign', () => {
    const packet = request([user], 'another', codes.accountingRequest);
    expect(overTls(packet, judgeAccounting)).toEqual({ admitted: false, ended: ['bad-authenticator'] });
  });

  it('is the only way for a client of TLS', () => {
    expect(outcome(request([user], radsec), from(5))).toBe('silence dropped.client-tls-only');
  });
});

describe('who asks', () => {
  it('is looked at before what is asked', () => {
    expect(outcome(Buffer.alloc(3), from(9))).toBe('silence dropped.unknown-client');
    expect(outcome(request([user]), from(4))).toBe('silence dropped.client-without-secret');
    expect(outcome(Buffer.alloc(3), from(1))).toBe('silence dropped.malformed.too-short');
  });

  it('is remembered by address when it is nobody, up to a hundred addresses', () => {
    const { gate, strangers, counters } = gateAt();
    for (let i = 0; i < 1000; i++) gate.admit(Buffer.alloc(1), { address: `203.0.113.${i}`, port: 1 }, noon, 0);
    gate.admit(Buffer.alloc(1), { address: '203.0.113.5', port: 1 }, noon, 0);
    const { addresses, others } = strangers.toJSON();
    expect([Object.keys(addresses).length, addresses['203.0.113.5'], others]).toEqual([100, 2, 900]);
    expect(Object.keys(counters.toJSON().totals)).toEqual(['authentication.dropped.unknown-client']);
  });
});

describe('how much a client may ask', () => {
  const mac = (): Buffer => request([user]);
  const begin = (): Buffer => request([user, ...eap]);
  const goOn = (): Buffer => request([user, state, ...eap]);
  const status = (): Buffer => request([], testSecret, codes.statusServer);

  /** How many of `count` are admitted at one instant. */
  const admitted = (gate: Gate, make: () => Buffer, count: number, now = noon, last = 6): number =>
    Array.from({ length: count }, () => gate.admit(make(), from(last), now, 0)).filter((one) => one !== null).length;

  it('is its rate, twice that at once, and fills up again', () => {
    const { gate, counters } = gateAt();
    expect(admitted(gate, mac, 20)).toBe(4);
    expect(admitted(gate, mac, 20, noon + 1000)).toBe(2);
    expect(admitted(gate, mac, 20, noon + 100_000)).toBe(4);
    expect(counters.toJSON().clients['slow']!['authentication.dropped.rate-limited']).toBe(50);
  });

  it('does not go down by what others send under its name', () => {
    const { gate } = gateAt();
    expect(admitted(gate, () => tampered([user]), 100)).toBe(0);
    expect(admitted(gate, mac, 20)).toBe(4);
  });

  it('is not what another client may', () => {
    const { gate } = gateAt();
    admitted(gate, mac, 20);
    expect(admitted(gate, mac, 20, noon, 1)).toBe(20);
  });

  it('lets conversations under way and Status-Server through when there is nothing left for new ones', () => {
    const { gate } = gateAt();
    admitted(gate, mac, 20);
    expect(admitted(gate, begin, 5)).toBe(0);
    expect(admitted(gate, goOn, 4)).toBe(4);
    expect(admitted(gate, goOn, 20)).toBe(0);
    expect(admitted(gate, status, 20)).toBe(20);
  });

  it('is not changed by a clock that goes back', () => {
    const { gate } = gateAt();
    admitted(gate, mac, 20);
    expect(admitted(gate, mac, 20, noon - 3_600_000)).toBe(0);
    expect(admitted(gate, mac, 20, noon - 3_600_000 + 1000)).toBe(2);
  });

  it('is no new 802.1X while the process can not keep up; MACs, conversations and Status-Server go on', () => {
    let overloaded = true;
    const { gate, counters } = gateAt(judgeAuthentication, () => overloaded);
    const each = [begin, mac, goOn, status].map((make) => admitted(gate, make, 5, noon, 1));
    expect(each).toEqual([0, 5, 5, 5]);
    expect(counters.get('authentication.dropped.overload')).toBe(5);
    overloaded = false;
    expect(admitted(gate, begin, 5, noon, 1)).toBe(5);
  });
});
