import { timingSafeEqual } from 'node:crypto';
import { decodeText, readCiscoAvPairs, readOctets } from './attributes.js';
import { ciscoAvPairAttribute, octetsAttribute } from './build.js';
import { types } from './dictionary.js';
import type { DownloadableAcl } from './nas-profiles/downloadable-acl.js';
import {
  encodedLength,
  headerLength,
  maxPacketLength,
  maxValueLength,
  messageAuthenticatorLength,
  type Attribute,
  type Packet,
} from './packet.js';
import type { Secret } from './secret.js';

/*
 * A switch fetches an ACL that an Access-Accept named (Cisco, "About the Downloadable Access List Feature"):
 *
 *   Access-Request    User-Name = #ACSACL#-IP-…, aaa:service=ip_admission, aaa:event=acl-download, Message-Authenticator
 *   Access-Challenge  ip:inacl#1=… ip:inacl#60=…, State            while more is to come; the switch asks again with State
 *   Access-Accept     ip:inacl#61=… ip:inacl#82=…
 */

const macLength = 16;
const offsetLength = 4;
/** A proxy on the way may have added one Proxy-State of full length. */
const room = maxPacketLength - headerLength - messageAuthenticatorLength - 2 - maxValueLength;
const stateLength = 2 + offsetLength + macLength;

/** The name of the ACL that a request asks for; null: it asks for something else. */
export function readAclDownload({ attributes }: Pick<Packet, 'attributes'>): string | null {
  const value = readOctets(attributes, types.userName);
  // Each authentication comes by here.
  if (value === null || value[0] !== 0x23) return null;
  const name = decodeText(value);
  if (!name.startsWith('#ACSACL#-')) return null;
  return readCiscoAvPairs(attributes).includes('aaa:event=acl-download') ? name : null;
}

export type AclDownload =
  | { readonly kind: 'last' | 'more'; readonly attributes: readonly Attribute[] }
  /** The State is not one that was given with this secret for this ACL. */
  | { readonly kind: 'bad-state' };

/**
 * The part of an ACL that the request is to get. Nothing is kept between two requests: State says where to go on, and is signed with
 * the switch's secret, so that whichever bridge has the list can go on, and nobody else's State counts. Repeating one does
 * no harm: under one name there is one list for ever.
 */
export function answerAclDownload(
  acl: DownloadableAcl,
  { attributes }: Pick<Packet, 'attributes'>,
  secret: Secret,
): AclDownload {
  const state = readOctets(attributes, types.state);
  const from = state ? readState(state, acl, secret) : 0;
  if (from === null) return { kind: 'bad-state' };
  const part: Attribute[] = [];
  let bytes = 0;
  for (const pair of acl.pairs.slice(from)) {
    const attribute = ciscoAvPairAttribute(pair);
    bytes += encodedLength([attribute]);
    if (bytes > room - stateLength) break;
    part.push(attribute);
  }
  const next = from + part.length;
  if (next >= acl.pairs.length) return { kind: 'last', attributes: part };
  return { kind: 'more', attributes: [octetsAttribute(types.state, writeState(next, acl, secret)), ...part] };
}

function writeState(offset: number, { name }: DownloadableAcl, secret: Secret): Buffer {
  const bytes = Buffer.alloc(offsetLength);
  bytes.writeUInt32BE(offset);
  return Buffer.concat([bytes, secret.hmacMd5(Buffer.from(`cordon acl-download ${offset} ${name}`, 'latin1'))]);
}

function readState(state: Buffer, acl: DownloadableAcl, secret: Secret): number | null {
  if (state.length !== offsetLength + macLength) return null;
  const offset = state.readUInt32BE();
  const isOurs = timingSafeEqual(state, writeState(offset, acl, secret));
  return isOurs && offset > 0 && offset < acl.pairs.length ? offset : null;
}
