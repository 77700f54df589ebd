import { randomBytes, scryptSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMac } from '#net';
import type { Credential } from '#model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secret, TestBed } from './bed.js';
import { eapCode, eapIn, EapMaterial } from './eap.js';
import { keyOf, receiveKey, sendKey } from './session-keys.js';
import { authenticate } from './supplicant.js';
import { otherPump, pump, type Switch } from './switch.js';
import { all, code, only, type } from './wire.js';

const versions = ['1.2', '1.3'] as const;
const name = 'pump-17';
const password = 'the password of pump 17';

/** RFC 7914 as a PHC string, made without the code under test. */
function credential(username: string, mac: string, word: string): Credential {
  const salt = randomBytes(16);
  const text = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
  const hash = scryptSync(word, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
  return {
    username,
    mac: parseMac(mac)!,
    passwordHash: `$scrypt$ln=14,r=8,p=1$${text(salt)}$${text(hash)}`,
    ntHash: null,
  };
}

describe('RFC 5281 and RFC 9427: EAP-TTLS', () => {
  let bed: TestBed;
  let nas: Switch;
  let material: EapMaterial;

  beforeAll(async () => {
    material = await EapMaterial.create();
    bed = await TestBed.start({
      files: material.files(['methods: [tls, ttls]']),
      credentials: [credential(name, pump, password)],
    });
    nas = await bed.switchAt();
  });

  afterAll(async () => {
    await bed?.stop();
    material?.remove();
  });

  const attempt = (version: '1.2' | '1.3', own = { name, password }, mac = pump) =>
    authenticate(nas, { device: null, version, mac, password: own });

  it('RFC 3748 §5.3.1: a supplicant that asks for EAP-TTLS by Nak is served with it', async () => {
    const { challenges, end } = await attempt('1.3');
    expect(challenges.slice(0, 2).map((challenge) => eapIn(challenge).method)).toEqual([13, 21]);
    expect(end.code).toBe(code.accessAccept);
  });

  it('RFC 5281 §8: with TLS 1.2 the keys of the Accept are made with the label of EAP-TTLS', async () => {
    const { end, requests, keyMaterial } = await attempt('1.2');
    expect(end.code).toBe(code.accessAccept);
    expect(keyOf(end, requests.at(-1)!, receiveKey).key).toEqual(keyMaterial!.subarray(0, 32));
    expect(keyOf(end, requests.at(-1)!, sendKey).key).toEqual(keyMaterial!.subarray(32, 64));
  });

  it('RFC 9427 §2.1: with TLS 1.3 the keys of the Accept are made with the type of EAP-TTLS', async () => {
    const { end, requests, keyMaterial } = await attempt('1.3');
    expect(end.code).toBe(code.accessAccept);
    expect(keyOf(end, requests.at(-1)!, receiveKey).key).toEqual(keyMaterial!.subarray(0, 32));
    expect(keyOf(end, requests.at(-1)!, sendKey).key).toEqual(keyMaterial!.subarray(32, 64));
  });

  it.each(versions)('RFC 5281 §11.2.5: a wrong password ends in Failure, without keys (TLS %s)', async (version) => {
    const { end } = await attempt(version, { name, password: 'not the password of it' });
    expect(end.code).toBe(code.accessReject);
    expect(eapIn(end).code).toBe(eapCode.failure);
    expect(all(end, type.vendorSpecific)).toEqual([]);
  });

  it.each(versions)(
    'RFC 5281 §11.2.5: the password of one device is worth nothing on the port of another (TLS %s)',
    async (version) => {
      expect((await attempt(version, { name, password }, otherPump)).end.code).toBe(code.accessReject);
    },
  );

  it('RFC 5281 §11.2.5: a password is not what a certificate is: the device gets no more than the policy says', async () => {
    expect(only((await attempt('1.3')).end, type.tunnelPrivateGroupId)?.toString()).toBe('210');
  });

  it('RFC 5281 §14.1.3: the password stays in the tunnel: it is in no log, no event and not on disk', async () => {
    await attempt('1.3');
    await attempt('1.3', { name, password: 'not the password of it' });
    await bed.authentication((one) => one.reason.includes('is wrong'));
    const disk = readdirSync(join(bed.folder, 'data'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)).toString('latin1'));
    for (const text of [...disk, bed.bridge.log.join('\n'), JSON.stringify(bed.controller.events)])
      for (const word of [password, 'not the password of it', secret]) expect(text.includes(word)).toBe(false);
  });
});
