import { describeAttribute } from '#radius';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleFiles } from '../../apps/radius-bridge/test/sample-policy.js';
import { secret, TestBed } from './bed.js';
import { mab, pump, type Switch } from './switch.js';
import { accessRequest, code, only, tlv, type } from './wire.js';

const egressVlanName = 58;
const telephone = '00:1a:2b:3c:4d:99';
const egress = (octets: readonly number[]): string =>
  describeAttribute({ type: type.egressVlanId, value: Buffer.from(octets) }).value;

describe('RFC 4675', () => {
  let bed: TestBed;
  let nas: Switch;

  beforeAll(async () => {
    bed = await TestBed.start({
      files: {
        'catalog/segments.yaml': sampleFiles['catalog/segments.yaml']!.replace(
          'description: scanners,',
          'description: telephones, voice: true,',
        ),
        // One make for all switches: not each has words for telephones.
        'network/nas.yaml': 'switch: { address: 127.0.0.1, site: main, profile: rfc, secret: "env:SECRET" }',
      },
      devices: [{ mac: pump }, { mac: telephone, class: 'ct-scanner' }],
    });
    nas = await bed.switchAt();
  });

  afterAll(async () => {
    await bed?.stop();
  });

  it('RFC 4675 §2.1: Egress-VLANID says tagged by 0x31 and untagged by 0x32 in its first octet', () => {
    expect(egress([0x31, 0, 0, 210])).toBe('210 tagged');
    expect(egress([0x32, 0, 0, 210])).toBe('210 untagged');
    for (const octets of [
      [0x30, 0, 0, 210],
      [0x33, 0, 0, 210],
      [0x31, 0, 210],
      [0x31, 0, 0, 0, 210],
    ])
      expect(egress(octets)).toBe(`0x${Buffer.from(octets).toString('hex')}`);
  });

  it('RFC 4675 §2.1: a tagged VLAN goes out as 0x31, octets of zero and the id, and leaves the port’s own VLAN alone', async () => {
    const reply = await nas.ask(accessRequest(secret, mab(telephone)));
    expect(reply.code).toBe(code.accessAccept);
    expect(only(reply, type.egressVlanId)).toEqual(Buffer.from([0x31, 0, 0, 220]));
    expect(only(reply, type.tunnelPrivateGroupId)).toBeNull();
  });

  it('RFC 4675 §2.1: an Accept for what is no telephone has no Egress-VLANID', async () => {
    expect(only(await nas.ask(accessRequest(secret, mab())), type.egressVlanId)).toBeNull();
  });

  it('RFC 4675 §2.1: the VLAN id is in the low 12 bits, the octets between are padding', () => {
    expect(egress([0x31, 0, 0x0f, 0xff])).toBe('4095 tagged');
    expect(egress([0x32, 0xff, 0xf0, 0x01])).toBe('1 untagged');
  });

  it('RFC 4675 §2.3: Egress-VLAN-Name is shown as it is, its first character saying tagged or untagged', () => {
    const shown = describeAttribute({ type: egressVlanName, value: Buffer.from('1voice') });
    expect(shown).toEqual({ name: 'Egress-VLAN-Name', value: '1voice' });
  });

  it('RFC 4675 §3: a request in which a switch says its VLANs is answered as one that does not', async () => {
    const vlans = [
      tlv(type.egressVlanId, Buffer.from([0x31, 0, 0, 5])),
      tlv(type.egressVlanId, Buffer.from([0x31])),
      tlv(egressVlanName, '2999'),
    ];
    const reply = await nas.ask(accessRequest(secret, mab(pump, vlans)));
    expect(reply.code).toBe(code.accessAccept);
    expect(only(reply, type.tunnelPrivateGroupId)?.toString()).toBe('210');
  });
});
