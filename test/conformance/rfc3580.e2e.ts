import { decodeTaggedInteger, decodeTaggedText } from '#radius';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secret, TestBed } from './bed.js';
import { mab, pump, quarantined, type Switch } from './switch.js';
import { accessRequest, all, code, only, tlv, type, type Parsed } from './wire.js';

const vlanTunnel = 13;
const ieee802 = 6;
const radiusRequest = 1;

describe('RFC 3580 and RFC 2868', () => {
  let bed: TestBed;
  let nas: Switch;
  let cisco: Switch;

  beforeAll(async () => {
    bed = await TestBed.start();
    nas = await bed.switchAt();
    cisco = await bed.switchAt('127.0.0.3');
  });

  afterAll(async () => {
    await bed?.stop();
  });

  const accept = async (by: Switch, attributes = mab()): Promise<Parsed> => {
    const reply = await by.ask(accessRequest(secret, attributes));
    expect(reply.code).toBe(code.accessAccept);
    return reply;
  };

  it('RFC 3580 §3.31: a VLAN is Tunnel-Type 13, Tunnel-Medium-Type 6 and Tunnel-Private-Group-ID', async () => {
    for (const by of [nas, cisco]) {
      const reply = await accept(by);
      expect(only(reply, type.tunnelType)!.readUIntBE(1, 3)).toBe(vlanTunnel);
      expect(only(reply, type.tunnelMediumType)!.readUIntBE(1, 3)).toBe(ieee802);
      expect(only(reply, type.tunnelPrivateGroupId)).not.toBeNull();
    }
  });

  it('RFC 3580 §3.31: the VLAN id is a string of decimal digits, without a fraction and without a NUL', async () => {
    expect(only(await accept(nas), type.tunnelPrivateGroupId)).toEqual(Buffer.from('210'));
    expect(only(await accept(nas, mab(quarantined)), type.tunnelPrivateGroupId)).toEqual(Buffer.from('999'));
    expect(only(await accept(cisco), type.tunnelPrivateGroupId)).toEqual(Buffer.from('\u0001210'));
  });

  it('RFC 2868 §3.1: Tunnel-Type and Tunnel-Medium-Type are a tag and three octets, always', async () => {
    for (const [by, tag] of [
      [nas, 0],
      [cisco, 1],
    ] as const) {
      const reply = await accept(by);
      expect(only(reply, type.tunnelType)).toEqual(Buffer.from([tag, 0, 0, vlanTunnel]));
      expect(only(reply, type.tunnelMediumType)).toEqual(Buffer.from([tag, 0, 0, ieee802]));
    }
  });

  it('RFC 2868 §3.6: the tag of the VLAN is that of the other two; without one there is no tag octet in the string', async () => {
    const [plain, tagged] = [await accept(nas), await accept(cisco)];
    expect(only(plain, type.tunnelPrivateGroupId)![0]).toBe('2'.charCodeAt(0));
    expect(only(tagged, type.tunnelPrivateGroupId)![0]).toBe(only(tagged, type.tunnelType)![0]);
    expect(only(tagged, type.tunnelPrivateGroupId)![0]).toBe(only(tagged, type.tunnelMediumType)![0]);
  });

  it('RFC 2868 §3.6: a first octet of 0x01 to 0x1F is a tag, 0x00 says that there is none, a greater one is text', () => {
    for (let tag = 1; tag <= 0x1f; tag++)
      expect(decodeTaggedText(Buffer.from([tag, 0x37, 0x34]))).toEqual({ tag, value: '74' });
    expect(decodeTaggedText(Buffer.from([0, 0x37, 0x34]))).toEqual({ tag: 0, value: '74' });
    for (const first of [0x20, 0x39, 0x7e])
      expect(decodeTaggedText(Buffer.from([first, 0x37, 0x34]))).toEqual({
        tag: 0,
        value: `${String.fromCharCode(first)}74`,
      });
    // 51 05 39 37 34 on the wire: a VLAN of three digits and no tag.
    expect(decodeTaggedText(Buffer.from('393734', 'hex'))).toEqual({ tag: 0, value: '974' });
  });

  it('RFC 2868 §3.1: the tag of an integer is not part of its value', () => {
    expect(decodeTaggedInteger(Buffer.from([0x1f, 0, 0, 13]))).toEqual({ tag: 0x1f, value: 13 });
    expect(decodeTaggedInteger(Buffer.from([0, 0xff, 0xff, 0xff]))).toEqual({ tag: 0, value: 0xffffff });
    for (const wrong of [[0, 0, 13], [0, 0, 0, 0, 13], []]) expect(decodeTaggedInteger(Buffer.from(wrong))).toBeNull();
  });

  it('RFC 3580 §3.17: each Accept has a Session-Timeout', async () => {
    for (const by of [nas, cisco])
      for (const mac of [pump, quarantined]) {
        const seconds = only(await accept(by, mab(mac)), type.sessionTimeout)!.readUInt32BE();
        expect(seconds).toBeGreaterThanOrEqual(3240);
        expect(seconds).toBeLessThanOrEqual(3600);
      }
  });

  it('RFC 3580 §3.19: Session-Timeout never comes without Termination-Action RADIUS-Request: the port stays open', async () => {
    for (const by of [nas, cisco])
      for (const mac of [pump, quarantined])
        expect(only(await accept(by, mab(mac)), type.terminationAction)?.readUInt32BE()).toBe(radiusRequest);
  });

  it('RFC 3580 §3.17: a Reject has neither a Session-Timeout nor a VLAN', async () => {
    const reply = await nas.ask(accessRequest(secret, mab('02:aa:00:00:00:01')));
    expect(reply.code).toBe(code.accessReject);
    for (const wanted of [type.sessionTimeout, type.terminationAction, type.tunnelPrivateGroupId, type.nasFilterRule])
      expect(all(reply, wanted)).toEqual([]);
  });

  const vlanOn = async (calledStation: string): Promise<string> =>
    only(
      await accept(nas, mab(pump, [tlv(type.calledStationId, calledStation)])),
      type.tunnelPrivateGroupId,
    )!.toString();

  it.each([
    '00-10-A4-23-19-C0:clinical',
    '0010a42319c0:clinical',
    '00:10:a4:23:19:c0:clinical',
    '0010.a423.19c0:clinical',
  ])(
    'RFC 3580 §3.20: what follows the MAC and a colon in Called-Station-Id is the SSID (%s)',
    async (calledStation) => {
      expect(await vlanOn(calledStation)).toBe('212');
    },
  );

  it('RFC 3580 §3.20: an SSID may hold colons', async () => {
    expect(await vlanOn('00-10-A4-23-19-C0:a:b')).toBe('212');
  });

  it('RFC 3580 §3.20: a Called-Station-Id of a MAC alone, as of a wired port, has no SSID', async () => {
    for (const text of ['00-10-A4-23-19-C0', '00:10:a4:23:19:c0', '00-10-A4-23-19-C0:'])
      expect(await vlanOn(text)).toBe('210');
  });

  it('RFC 3580 §3.21: Calling-Station-Id is the MAC in upper case with hyphens, and sessions are of that MAC', async () => {
    await accept(nas, [tlv(type.userName, '001a2b3c4d5e'), tlv(type.callingStationId, '00-1A-2B-3C-4D-5E')]);
    expect(await bed.session(pump, () => true)).toMatchObject({ mac: pump });
  });
});
