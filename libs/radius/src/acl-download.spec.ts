import fc from 'fast-check';
import { parsePrefix, type AclEntry, type Prefix } from '#net';
import { describe, expect, it } from 'vitest';
import { answerAclDownload, readAclDownload } from './acl-download.js';
import { readCiscoAvPairs, readOctets } from './attributes.js';
import { ciscoAvPairAttribute, octetsAttribute, textAttribute } from './build.js';
import { types } from './dictionary.js';
import { downloadableAcl } from './nas-profiles/downloadable-acl.js';
import { parseCiscoAces } from './nas-profiles/parse-cisco-aces.js';
import { codes, signReply, zeroAuthenticator, type Attribute } from './packet.js';
import { Secret } from './secret.js';

const secret = new Secret('xyzzy5461');
const entries = (count: number): AclEntry[] =>
  Array.from({ length: count }, (_, i) => ({
    action: 'permit',
    family: 4,
    protocol: 6,
    sourcePorts: null,
    destination: parsePrefix(`10.10.${i >> 8}.${i & 255}`) as Prefix,
    destinationPorts: { first: 443, last: 443 },
    established: false,
  }));
const aclOf = (count: number) => downloadableAcl({ role: 'infusion-pump', entries: entries(count) });
const ask = (attributes: readonly Attribute[] = []) => ({ attributes });

/** As a switch does it: State as it came, until the Accept. */
function fetchAll(count: number): { pairs: string[]; packets: number } {
  const acl = aclOf(count);
  const pairs: string[] = [];
  let state: Buffer | null = null;
  for (let packets = 1; packets < 100; packets++) {
    const part = answerAclDownload(acl, ask(state ? [octetsAttribute(types.state, state)] : []), secret);
    if (part.kind === 'bad-state') throw new Error('bad state');
    const proxied = { id: 1, authenticator: zeroAuthenticator, attributes: [octetsAttribute(33, Buffer.alloc(253))] };
    expect(signReply(proxied, codes.accessChallenge, part.attributes, secret)).not.toBeNull();
    pairs.push(...readCiscoAvPairs(part.attributes));
    state = readOctets(part.attributes, types.state);
    if (part.kind === 'last') return { pairs, packets };
    expect(state).not.toBeNull();
  }
  throw new Error('it never ends');
}

describe('the download of an ACL', () => {
  it('is asked for by the name and what Cisco calls the event', () => {
    const name = textAttribute(types.userName, '#ACSACL#-IP-cordon-pump-97bb1589a02507a0');
    const event = ciscoAvPairAttribute('aaa:event=acl-download');
    const service = ciscoAvPairAttribute('aaa:service=ip_admission');
    expect(readAclDownload(ask([name, service, event]))).toBe('#ACSACL#-IP-cordon-pump-97bb1589a02507a0');
    expect(readAclDownload(ask([name]))).toBeNull();
    expect(readAclDownload(ask([event, textAttribute(types.userName, '001a2b3c4d5e')]))).toBeNull();
    expect(readAclDownload(ask([event]))).toBeNull();
  });

  it.each([
    [0, 1],
    [10, 1],
    [80, 2],
    [1000, 16],
  ])('of %i entries comes whole and in order, in %i packets that fit beside a full Proxy-State', (count, packets) => {
    const found = fetchAll(count);
    expect(found.pairs).toEqual(aclOf(count).pairs);
    expect(found.packets).toBe(packets);
    const closed = [...found.pairs, 'ipv6:inacl#1=deny ipv6 any any'].map(ciscoAvPairAttribute);
    expect(parseCiscoAces(closed)).toMatchObject({ ok: true });
  });

  it('goes on by no State but the one of this ACL and this secret', () => {
    const first = answerAclDownload(aclOf(100), ask(), secret);
    const state = first.kind === 'more' ? readOctets(first.attributes, types.state)! : Buffer.alloc(0);
    const goOn = (bytes: Buffer, acl = aclOf(100), key = secret) =>
      answerAclDownload(acl, ask([octetsAttribute(types.state, bytes)]), key).kind;
    expect(goOn(state)).toBe('last');
    expect(goOn(state)).toBe('last');
    expect(goOn(state, aclOf(101))).toBe('bad-state');
    expect(goOn(state, aclOf(100), new Secret('other'))).toBe('bad-state');
    fc.assert(
      fc.property(fc.nat(state.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(state);
        changed[at]! ^= flip;
        expect(goOn(changed)).toBe('bad-state');
      }),
    );
    for (const length of [0, 4, 19, 21]) expect(goOn(Buffer.alloc(length))).toBe('bad-state');
  });

  it('has a name of its own for each content, which IPv6 has no part in', () => {
    const six: AclEntry = { ...entries(1)[0]!, family: 6, destination: null };
    const of = (list: readonly AclEntry[]) => downloadableAcl({ role: 'infusion-pump', entries: list }).name;
    expect(of(entries(2))).toMatch(/^#ACSACL#-IP-cordon-infusion-pump-[0-9a-f]{16}$/);
    expect(of([...entries(2), six])).toBe(of(entries(2)));
    expect(of(entries(3))).not.toBe(of(entries(2)));
  });
});
