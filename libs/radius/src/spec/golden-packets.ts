import type { AclEntry } from '#net';
import { dateAttribute } from '../build.js';
import { describeAttribute } from '../describe.js';
import { describeCode, types } from '../dictionary.js';
import { coaRequest, disconnectRequest } from '../dynamic-authorization.js';
import { codes, decodePacket, signReply, signRequest, type Attribute, type Code } from '../packet.js';
import { Secret } from '../secret.js';
import { checkAuthorization, renderAuthorization } from '../nas-profiles/authorization.js';
import type { Authorization, NasProfile } from '../nas-profiles/profile.js';
import { line, prefix, session } from './samples.js';

/*
 * One packet of each kind that a profile sends, of fixed content, secret and authenticator: the same bytes for ever. They are kept in
 * `nas-profiles/testdata/`, and FreeRADIUS reads them there (`test/e2e/nas-profiles.e2e.ts`). For tests only.
 */

export const goldenSecret = 'golden secret';
const secret = new Secret(goldenSecret);
/** Of the Access-Request that the replies answer. */
export const goldenAuthenticator: Buffer = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const at = new Date('2026-11-23T19:00:00Z');

/** In words that every make has that takes ACLs in the reply. */
const acl: readonly AclEntry[] = [
  line({ destination: prefix('10.10.4.20'), destinationPorts: { first: 443, last: 443 } }),
  line({ protocol: 17, destination: prefix('10.10.0.0/22'), destinationPorts: { first: 5000, last: 5010 } }),
  line({ family: 6, destination: prefix('fd10:4::20'), destinationPorts: { first: 443, last: 443 } }),
];

export interface GoldenPacket {
  readonly title: string;
  /** Null: this make has no such packet, for the reason that `told` gives. */
  readonly bytes: Buffer | null;
  readonly told: readonly string[];
}

export function goldenPackets(profile: NasProfile): GoldenPacket[] {
  const scopes = ['none', 'ipv4-only', 'full'] as const;
  const wanted = (over: Partial<Authorization> = {}): Authorization => ({
    vlan: 210,
    voice: false,
    acl,
    role: 'infusion-pump',
    portAcl: scopes[profile.aclFamilies.length]!,
    sessionTimeout: 28_800,
    sgt: null,
    class: Buffer.from('cordon:golden000001'),
    ...over,
  });
  const accept = (title: string, over: Partial<Authorization>): GoldenPacket => {
    const [finding] = checkAuthorization(profile, wanted(over), null);
    if (finding) return { title, bytes: null, told: [`refused: ${finding.summary}`] };
    const request = { id: 7, authenticator: goldenAuthenticator, attributes: [] };
    const reply = signReply(request, codes.accessAccept, renderAuthorization(profile, wanted(over)), secret);
    return shown(title, reply!);
  };
  const ask = (title: string, code: Code, attributes: readonly Attribute[]): GoldenPacket =>
    shown(title, signRequest(code, 8, attributes, secret));
  const none = (title: string, why: string): GoldenPacket => ({ title, bytes: null, told: [why] });
  const quarantine = { vlan: 666, role: 'quarantined', acl: [] };
  const command = (attributes: Attribute[]): Attribute[] => [
    ...profile.identifySession(session),
    dateAttribute(types.eventTimestamp, at),
    ...attributes,
  ];
  return [
    accept('VLAN and ACL', {}),
    accept('voice', { vlan: 340, voice: true, role: 'ip-phone' }),
    accept('security group tag', { sgt: 21 }),
    accept('quarantine', quarantine),
    profile.changeOfAuthorization === 'disconnect'
      ? none('CoA', 'none: changes go by Disconnect-Request')
      : ask('CoA', codes.coaRequest, coaRequest(profile, session, wanted(quarantine), at)),
    ask('disconnect', codes.disconnectRequest, disconnectRequest(profile, session, at)),
    profile.bouncePort
      ? ask('port bounce', codes.coaRequest, command(profile.bouncePort()))
      : none('port bounce', 'none: the make has no such command'),
  ];
}

function shown(title: string, bytes: Buffer): GoldenPacket {
  const packet = decodePacket(bytes);
  if (typeof packet === 'string') throw new Error(`${title}: ${packet}`);
  const attributes = packet.attributes.map(describeAttribute).map(({ name, value }) => `${name} = ${value}`);
  return { title, bytes, told: [describeCode(packet.code), ...attributes.map((text) => `  ${text}`)] };
}

/** A file of `nas-profiles/testdata/`: each packet with its title, what it says, and its bytes. */
export function formatGolden(packets: readonly GoldenPacket[]): string {
  return packets
    .map(({ title, bytes, told }) => {
      const hex = bytes ? (bytes.toString('hex').match(/.{1,64}/g) ?? []) : [];
      return [`# ${title}`, ...told, ...hex.map((row) => `: ${row}`), ''].join('\n');
    })
    .join('\n');
}

/** The packets of such a file, by title; those that a make doesn't have are left out. */
export function readGolden(text: string): { title: string; told: string[]; bytes: Buffer }[] {
  return text
    .split(/^# /m)
    .slice(1)
    .map((block) => {
      const [title = '', ...lines] = block.trimEnd().split('\n');
      const hex = lines.filter((row) => row.startsWith(': ')).map((row) => row.slice(2));
      return { title, told: lines.filter((row) => !row.startsWith(': ')), bytes: Buffer.from(hex.join(''), 'hex') };
    })
    .filter(({ bytes }) => bytes.length > 0);
}
