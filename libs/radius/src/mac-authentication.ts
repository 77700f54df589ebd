import { parseMac, type Mac } from '#net';
import { decodeText, readOctets } from './attributes.js';
import { types } from './dictionary.js';
import type { Packet } from './packet.js';

export type MacAuthentication =
  | { readonly kind: 'mac'; readonly mac: Mac }
  | { readonly kind: 'refused'; readonly reason: MacRefusal }
  | { readonly kind: 'not-mac'; readonly reason: NotMac };

/** Looks like MAC authentication, but what it says about the device can't be relied on. */
export type MacRefusal = 'repeated-attribute' | 'no-calling-station-id' | 'bad-calling-station-id' | 'mac-mismatch';

export type NotMac = 'no-user-name' | 'user-name-not-a-mac' | 'eap';

/**
 * Decides whether an Access-Request is MAC authentication (MAB), and of which MAC. It does not decide whether that MAC may
 * in, nor check the packet's signature.
 *
 * The sign is a User-Name that is the MAC of Calling-Station-Id, in any of the five usual forms. Service-Type is not looked
 * at: switches send Call-Check, Login, Framed or none, and Call-Check for a user that is no MAC proves nothing.
 *
 * Nor are credentials: switches send the MAC in some form, a fixed string, CHAP over either, or nothing, and whoever can
 * choose a MAC can choose those. What a MAC may get is therefore limited by posture (`unverified`), not by a password.
 *
 * Without Calling-Station-Id the name could be any text typed into a login, bound to no port: refused. A MAC as user name
 * inside EAP is not MAC authentication either: it must never stand for an 802.1X identity.
 */
export function readMacAuthentication({ attributes }: Pick<Packet, 'attributes'>): MacAuthentication {
  const name = readOctets(attributes, types.userName);
  const station = readOctets(attributes, types.callingStationId);
  if (name === null) return { kind: 'not-mac', reason: 'no-user-name' };
  if (readOctets(attributes, types.eapMessage)) return { kind: 'not-mac', reason: 'eap' };
  const mac = parseMac(decodeText(name));
  if (!mac) return { kind: 'not-mac', reason: 'user-name-not-a-mac' };
  // RFC 2865 §5.44 allows one of each; taking the first of two would let a proxy's addition decide who it is.
  if (isRepeated(attributes)) return { kind: 'refused', reason: 'repeated-attribute' };
  if (station === null) return { kind: 'refused', reason: 'no-calling-station-id' };
  const caller = parseMac(decodeText(station));
  if (!caller) return { kind: 'refused', reason: 'bad-calling-station-id' };
  return caller === mac ? { kind: 'mac', mac } : { kind: 'refused', reason: 'mac-mismatch' };
}

function isRepeated(attributes: Packet['attributes']): boolean {
  let names = 0;
  let stations = 0;
  for (const { type } of attributes) {
    if (type === types.userName) names++;
    else if (type === types.callingStationId) stations++;
  }
  return names > 1 || stations > 1;
}
