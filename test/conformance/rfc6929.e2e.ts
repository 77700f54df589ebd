import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secret, TestBed } from './bed.js';
import { mab, otherPump, pump, type Switch } from './switch.js';
import { accessRequest, accountingRequest, code, only, tlv, type, u32 } from './wire.js';

/** Type, Extended-Type, and from 245 on the flag of more to come (RFC 6929 §2). */
const short = [241, 242, 243, 244];
const long = [245, 246];
const more = 0x80;

describe('RFC 6929', () => {
  let bed: TestBed;
  let nas: Switch;

  beforeAll(async () => {
    bed = await TestBed.start();
    nas = await bed.switchAt();
  });

  afterAll(async () => {
    await bed?.stop();
  });

  /** In front of what counts and behind it. */
  const vlanWith = async (attributes: readonly Buffer[]): Promise<string | undefined> => {
    const reply = await nas.ask(accessRequest(secret, [...attributes, ...mab(), ...attributes]));
    expect(reply.code).toBe(code.accessAccept);
    return only(reply, type.tunnelPrivateGroupId)?.toString();
  };

  it.each(short)('RFC 6929 §2.1: an extended attribute is skipped (%i)', async (attribute) => {
    expect(await vlanWith([tlv(attribute, Buffer.from([1, 1, 2, 3])), tlv(attribute, Buffer.alloc(253, 7))])).toBe(
      '210',
    );
  });

  it.each(long)('RFC 6929 §2.2: a long extended attribute in several parts is skipped (%i)', async (attribute) => {
    const parts = [
      tlv(attribute, Buffer.from([1, more, ...Buffer.alloc(200)])),
      tlv(attribute, Buffer.from([1, 0, 1])),
    ];
    expect(await vlanWith(parts)).toBe('210');
  });

  it.each([...short, ...long])(
    'RFC 6929 §2.1: an extended attribute that is malformed is skipped (%i)',
    async (attribute) => {
      expect(await vlanWith([tlv(attribute, ''), tlv(attribute, Buffer.from([1]))])).toBe('210');
    },
  );

  it('RFC 6929 §2.2: a long extended attribute whose end never comes is skipped', async () => {
    expect(await vlanWith([tlv(245, Buffer.from([1, more, 1])), tlv(245, Buffer.from([1, more, 2]))])).toBe('210');
  });

  it('RFC 6929 §2.3: TLVs inside, and TLVs of no length, are not looked into', async () => {
    expect(
      await vlanWith([tlv(241, Buffer.from([1, 1, 0, 1, 1, 255, 255])), tlv(243, Buffer.from([26, 0, 0, 0]))]),
    ).toBe('210');
  });

  it('RFC 6929 §2.4: an extended Vendor-Specific is skipped', async () => {
    expect(await vlanWith([tlv(241, Buffer.concat([Buffer.from([26]), u32(9), Buffer.from([1, 0])]))])).toBe('210');
  });

  it('RFC 6929 §2.1: what stands in an extended attribute is never taken for the attribute of that number', async () => {
    const inside = [
      tlv(241, Buffer.concat([Buffer.from([type.userName]), Buffer.from(otherPump.replaceAll(':', ''))])),
      tlv(241, Buffer.concat([Buffer.from([type.callingStationId]), Buffer.from(otherPump)])),
      tlv(244, Buffer.concat([Buffer.from([type.eapMessage]), Buffer.from([2, 1, 0, 6, 1, 97])])),
    ];
    expect(await vlanWith(inside)).toBe('210');
    expect((await bed.session(pump, () => true)).mac).toBe(pump);
    expect(bed.sessions(otherPump)).toEqual([]);
  });

  it('RFC 6929 §5: records with extended attributes are taken', async () => {
    const record = [
      tlv(type.acctStatusType, 1),
      tlv(type.acctSessionId, 'S'),
      ...[...short, ...long].map((attribute) => tlv(attribute, Buffer.from([1, more, 1]))),
      ...mab(),
    ];
    expect((await nas.ask(accountingRequest(secret, record))).code).toBe(code.accountingResponse);
    await bed.session(pump, ({ acctSessionId }) => acctSessionId === 'S');
  });
});
