import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listPackets, samplesFor } from '../conformance-states.js';
import { isConsistentEntry, matchAcl, parsePrefix, type AclEntry, type Prefix } from '#net';
import { createNetconfDriver } from './index.js';
import { readMeaning } from './meaning.js';
import { namespaces, type ModelName } from './model.js';
import { netconfNamespace } from './xml.js';

const models = ['ietf-acl', 'openconfig'] as const satisfies readonly ModelName[];
const base = samplesFor(['lists']).baseState;
const stateWith = (entries: readonly AclEntry[]) => ({
  ...base,
  rules: { ...base.rules, lists: [{ name: 'cordon-x', entries }] },
});

const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;
const range = fc.tuple(fc.nat(300), fc.nat(300)).map(([first, more]) => ({ first, last: first + more }));
const entry: fc.Arbitrary<AclEntry> = fc
  .record({
    action: fc.constantFrom('permit' as const, 'deny' as const),
    family: fc.constantFrom(4 as const, 6 as const),
    protocol: fc.constantFrom(null, 1, 6, 17, 50, 58, 132, 254, 255),
    sourcePorts: fc.option(range),
    destination: fc.option(
      fc.constantFrom(
        ...['10.10.0.0/24', '10.10.0.66', '0.0.0.0/0', 'fd00:10::/64', '::/0', 'fd00:10::66'].map(prefix),
      ),
    ),
    destinationPorts: fc.option(fc.oneof(range, fc.constantFrom({ first: 8, last: 8 }, { first: 128, last: 129 }))),
    established: fc.boolean(),
  })
  .filter(isConsistentEntry);

describe.each(models)('the meaning of a list in %s', (model) => {
  const driver = createNetconfDriver({ model });

  it('is that of the entries it was made of, for any entries that can be said', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 6 }), (entries) => {
        const state = stateWith(entries);
        fc.pre(driver.check(state).length === 0);
        const read = readMeaning(driver.parse(driver.render(state)), 'cordon-x');
        for (const packet of listPackets) expect(matchAcl(read, packet)).toBe(matchAcl(entries, packet));
      }),
      { numRuns: 200 },
    );
  });

  it('is not known where nothing decides on a packet', () => {
    const text = driver.render(stateWith([]));
    const [entry] = model === 'ietf-acl' ? [/<ace>[\s\S]*?<\/ace>/] : [/<acl-entry>[\s\S]*?<\/acl-entry>/];
    const read = driver.parse(text.replace(entry, ''));
    expect(() => readMeaning(read, 'cordon-x')).toThrow(/does not say what becomes of all other IPv4/);
  });

  it('is not known of a list that isn’t there', () => {
    expect(() => readMeaning(driver.parse(driver.render(base)), 'cordon-y')).toThrow(/no list/);
  });
});

describe('what the model of RFC 8519 says', () => {
  const driver = createNetconfDriver({ model: 'ietf-acl' });
  const list = (...aces: string[]): string =>
    `<data xmlns="${netconfNamespace}"><acls xmlns="${namespaces.ietfAcl}"><acl><name>cordon-x</name><type>mixed-eth-ipv4-ipv6-acl-type</type><aces>${aces.join('')}</aces></acl></acls></data>`;
  const ace = (matches: string, action = 'accept'): string =>
    `<ace><name>x</name><matches>${matches}</matches><actions><forwarding>${action}</forwarding></actions></ace>`;
  const end = ace('', 'drop');
  const bits = (flags: string): string => `<ipv4><protocol>6</protocol></ipv4><tcp><flags>${flags}</flags></tcp>`;
  const verdict = (text: string, port: number, isEstablished = false): string =>
    matchAcl(readMeaning(driver.parse(text), 'cordon-x'), {
      destination: { family: 4, value: 0x0a0a_000an },
      protocol: 6,
      sourcePort: 5,
      destinationPort: port,
      established: isEstablished,
    });

  it.each([
    ['lte', [0, 80], [81, 65_535]],
    ['gte', [80, 65_535], [0, 79]],
    ['neq', [0, 79, 81], [80]],
    ['eq', [80], [79, 81]],
  ])('takes the operator %s for what it is', (operator, passed, dropped) => {
    const text = list(
      ace(
        `<ipv4><protocol>6</protocol></ipv4><tcp><destination-port><operator>${operator}</operator><port>80</port></destination-port></tcp>`,
      ),
      end,
    );
    for (const port of passed) expect({ port, verdict: verdict(text, port) }).toEqual({ port, verdict: 'permit' });
    for (const port of dropped) expect({ port, verdict: verdict(text, port) }).toEqual({ port, verdict: 'deny' });
  });

  it('takes an entry that matches nothing in particular for one of both families', () => {
    expect(verdict(list(ace('')), 1)).toBe('permit');
  });

  it('takes ACK and RST beside each other for replies, and nothing else of TCP bits for anything', () => {
    const text = list(ace(bits('ack')), ace(bits('rst')), end);
    expect([verdict(text, 1), verdict(text, 1, true)]).toEqual(['deny', 'permit']);
    for (const aces of [
      [ace(bits('ack')), end],
      [ace(bits('ack')), ace(bits('ack')), end],
      [ace(bits('ack rst')), end],
      [ace(bits('ack'), 'drop'), ace(bits('rst'), 'drop'), ace('')],
      [ace(bits('ack')), ace(''), ace(bits('rst'))],
    ])
      expect(() => verdict(list(...aces), 1)).toThrow(/TCP bits/);
  });

  it.each([
    ['a header of one protocol in another', ace('<ipv4><protocol>17</protocol></ipv4><tcp><flags>ack</flags></tcp>')],
    ['a header without its protocol', ace('<tcp><destination-port><port>80</port></destination-port></tcp>')],
    [
      'a type of ICMP in IPv6 as if it were IPv4',
      ace('<ipv6><protocol>1</protocol></ipv6><icmp><type>8</type></icmp>'),
    ],
    ['an unknown condition', ace('<ipv4><dscp>46</dscp></ipv4>')],
    [
      'a host bit behind the prefix',
      ace('<ipv4><destination-ipv4-network>10.0.0.1/8</destination-ipv4-network></ipv4>'),
    ],
    [
      'ports the wrong way round',
      ace(
        '<ipv4><protocol>6</protocol></ipv4><tcp><destination-port><lower-port>9</lower-port><upper-port>8</upper-port></destination-port></tcp>',
      ),
    ],
    ['a rejection', ace('', 'reject')],
  ])('gives no meaning to %s', (_, entry) => {
    expect(() => readMeaning(driver.parse(list(entry, end)), 'cordon-x')).toThrow(Error);
  });
});
