import type { Diagnostic } from '#base';
import type { AclEntry } from '#net';
import { integerAttribute, octetsAttribute, taggedIntegerAttribute, taggedTextAttribute } from '../build.js';
import { types } from '../dictionary.js';
import {
  encodedLength,
  headerLength,
  maxPacketLength,
  maxValueLength,
  messageAuthenticatorLength,
  type Attribute,
} from '../packet.js';
import type { Authorization, NasProfile } from './profile.js';

const vlanTunnel = 13;
const ieee802 = 6;
const radiusRequest = 1;

/**
 * An authorization in the words of one make of switch: for Access-Accept, and for CoA where the make takes it there.
 * Termination-Action says that the end of Session-Timeout is a re-authentication; without it the session would end there.
 */
export function renderAuthorization(profile: NasProfile, authorization: Authorization): Attribute[] {
  const tag = profile.tunnelTag;
  return [
    taggedIntegerAttribute(types.tunnelType, tag, vlanTunnel),
    taggedIntegerAttribute(types.tunnelMediumType, tag, ieee802),
    taggedTextAttribute(types.tunnelPrivateGroupId, tag, `${authorization.vlan}`),
    integerAttribute(types.sessionTimeout, authorization.sessionTimeout),
    integerAttribute(types.terminationAction, radiusRequest),
    ...(authorization.sgt === null ? [] : profile.renderSgt(authorization.sgt)),
    ...profile.renderAcl(authorization.acl),
    octetsAttribute(types.class, authorization.class),
  ];
}

/** Codes of the findings of `checkAuthorization`. */
export type AuthorizationCode =
  'acl-over-budget' | 'reply-too-large' | 'acl-entry-not-expressible' | 'value-out-of-range';

/** EAP-Success, and the keys of both directions: two Vendor-Specific of salt and three blocks each. */
const eapBytes = 2 + 4 + 2 * (2 + 6 + 2 + 48);
/** Room that a reply needs besides its attributes: a proxy on the way may have added one Proxy-State of full length. */
const reserved = headerLength + messageAuthenticatorLength + eapBytes + 2 + maxValueLength;
export const maxAttributeBytes = maxPacketLength - reserved;

/** ACL entries as the switch counts them: both families and their final denies. */
export function countAclEntries(profile: NasProfile, acl: readonly AclEntry[]): number {
  return acl.reduce((sum, entry) => sum + (profile.renderEntry(entry)?.length ?? 1), 0) + 2;
}

/**
 * Whether this authorization can be given to such a switch at all: asked when a policy is compiled, so that no
 * Access-Request ever meets an answer that doesn't fit. An empty list means that it fits. `aclBudget`: entries that the
 * switch takes per port, null when it did not say.
 */
export function checkAuthorization(
  profile: NasProfile,
  authorization: Authorization,
  aclBudget: number | null,
): readonly Diagnostic[] {
  const wrong = [...checkRanges(authorization), ...checkEntries(profile, authorization.acl)];
  if (wrong.length > 0) return wrong;
  const entries = countAclEntries(profile, authorization.acl);
  if (aclBudget !== null && entries > aclBudget)
    return [
      error(
        'acl-over-budget',
        `the ACL has ${entries} entries, of which two close IPv4 and IPv6; the switch takes ${aclBudget}`,
        'allow prefixes instead of single addresses, or split the class',
      ),
    ];
  const bytes = encodedLength(renderAuthorization(profile, authorization));
  if (bytes <= maxAttributeBytes) return [];
  return [
    error(
      'reply-too-large',
      `the attributes take ${bytes} bytes in profile \`${profile.name}\`; ${maxAttributeBytes} fit an Access-Accept`,
      'allow prefixes instead of single addresses, or split the class',
    ),
  ];
}

function checkEntries(profile: NasProfile, acl: readonly AclEntry[]): Diagnostic[] {
  return acl
    .map((entry, i) => ({ i, lines: profile.renderEntry(entry) }))
    .filter(({ lines }) => lines === null)
    .map(({ i }) =>
      error(
        'acl-entry-not-expressible',
        `profile \`${profile.name}\` has no words for entry ${i + 1} of the ACL`,
        'ports need TCP, UDP or SCTP, types need ICMP of the same family, established needs TCP',
      ),
    );
}

function checkRanges({ vlan, sessionTimeout, sgt, class: { length } }: Authorization): Diagnostic[] {
  const limits: readonly (readonly [string, number, number, number])[] = [
    ['VLAN id', vlan, 1, 4094],
    ['session timeout', sessionTimeout, 1, 0xffff_ffff],
    ['security group tag', sgt ?? 0, 0, 0xffff],
    ['length of Class', length, 1, maxValueLength],
  ];
  return limits
    .filter(([, value, low, high]) => !Number.isInteger(value) || value < low || value > high)
    .map(([name, value, low, high]) =>
      error('value-out-of-range', `the ${name} is ${value}`, `it must be a whole number from ${low} to ${high}`),
    );
}

function error(code: AuthorizationCode, summary: string, hint: string): Diagnostic {
  return { severity: 'error', code, summary, hint };
}
