import { sha256, canonicalJson } from '#base';
import type { Credential } from '#model';
import type { Mac } from '#net';
import { verifyScrypt, type FindProof } from '#radius';
import type { ProvedCredential } from './established.js';

/** Null: there is no such name. */
export type FindCredential = (username: string) => Promise<Credential | null>;

export type PasswordVerdict =
  { readonly mac: Mac; readonly credential: ProvedCredential } | { readonly reason: string };

/** `username`: who was just proved; null: who was in the conversation that is resumed. */
export type PasswordJudge = (username: string | null) => Promise<PasswordVerdict>;

/** What the methods prove a name by. */
export const proofs =
  (find: FindCredential): FindProof =>
  async (username) => {
    const credential = await find(username);
    if (!credential) return null;
    const { ntHash, passwordHash } = credential;
    return {
      ntHash: ntHash === null ? null : Buffer.from(ntHash, 'hex'),
      verify: async (password) => passwordHash !== null && (await verifyScrypt(passwordHash, password)),
    };
  };

/**
 * Which device a proved password is of. A password is worth what its device is: on another port than that device's it is a
 * stolen one. `earlier`: what the session that this device may resume was proved by.
 */
export const passwordJudge =
  (find: FindCredential, caller: Mac | null, earlier: ProvedCredential | null): PasswordJudge =>
  async (username) => {
    const name = username ?? earlier?.username;
    if (name === undefined) return { reason: 'the session that is resumed was never proved by a password' };
    if (caller === null)
      return { reason: 'the request does not say which device asks: let the switch send Calling-Station-Id' };
    const credential = await find(name);
    if (!credential) return { reason: `there is no password for \`${name}\` any more` };
    const digest = sha256(canonicalJson(credential));
    if (username === null && digest !== earlier?.digest)
      return { reason: `the password of \`${name}\` has changed since the session that is resumed` };
    return credential.mac === caller
      ? { mac: caller, credential: { username: name, digest } }
      : { reason: `\`${name}\` is the name of ${credential.mac}, which is not the device on this port` };
  };
