import { remembered, type Diagnostic } from '#base';
import type { AclEntry } from '#net';
import { integerAttribute, octetsAttribute } from '../build.js';
import { types } from '../dictionary.js';
import {
  encodedLength,
  headerLength,
  maxPacketLength,
  maxValueLength,
  messageAuthenticatorLength,
  type Attribute,
} from '../packet.js';
import { aclFamiliesOf, formOf, toldAcl, whyNotEnforced } from './told-acl.js';
import type { Authorization, NasProfile, PortAclScope } from './profile.js';

const radiusRequest = 1;

/**
 * An authorization in the words of one make of switch: for Access-Accept, and for CoA where the make takes it there.
 * Termination-Action says that the end of Session-Timeout is a re-authentication; without it the session would end there.
 * Throws on what `checkAuthorization` refuses: no part of an authorization is ever left out.
 */
export function renderAuthorization(profile: NasProfile, authorization: Authorization): Attribute[] {
  const { vlan, sgt, sessionTimeout } = authorization;
  return [
    ...renderVlan(profile, authorization, vlan),
    integerAttribute(types.sessionTimeout, sessionTimeout),
    integerAttribute(types.terminationAction, radiusRequest),
    ...(sgt === null || !profile.renderSgt ? [] : profile.renderSgt(sgt)),
    ...renderPortAcl(profile, authorization),
    octetsAttribute(types.class, authorization.class),
  ];
}

function renderVlan(profile: NasProfile, { voice }: Authorization, vlan: number): Attribute[] {
  if (!voice) return profile.renderVlan(vlan);
  if (!profile.renderVoiceVlan) throw new TypeError(`profile \`${profile.name}\` has no words for a voice VLAN`);
  return profile.renderVoiceVlan(vlan);
}

type Wanted = Pick<Authorization, 'acl' | 'role' | 'portAcl'>;

/** By ACL, which is one object for all sessions of a role: a CoA to each of ten thousand is worded once. */
const rendered = new WeakMap<readonly AclEntry[], WeakMap<NasProfile, Map<string, readonly Attribute[]>>>();

/** Attributes of the port ACL alone; none where nas.yaml says that something else enforces it. */
export function renderPortAcl(profile: NasProfile, wanted: Wanted): readonly Attribute[] {
  const { acl, role, portAcl } = wanted;
  const ofAcl = remembered(rendered, acl, () => new WeakMap<NasProfile, Map<string, readonly Attribute[]>>());
  const ofProfile = remembered(ofAcl, profile, () => new Map<string, readonly Attribute[]>());
  return remembered(ofProfile, `${portAcl} ${role}`, () => renderAnew(profile, wanted));
}

function renderAnew(profile: NasProfile, wanted: Wanted): readonly Attribute[] {
  const unenforced = whyNotEnforced(profile, wanted);
  if (unenforced) throw new TypeError(unenforced.summary);
  const told = toldAcl(profile, wanted);
  return told ? told.form.render(told.acl) : [];
}

/** Codes of the findings of `checkAuthorization`. */
export type AuthorizationCode =
  | 'acl-over-budget'
  | 'reply-too-large'
  | 'acl-entry-not-expressible'
  | 'port-acl-not-enforced'
  | 'voice-not-expressible'
  | 'value-out-of-range';

/** EAP-Success, and the keys of both directions: two Vendor-Specific of salt and three blocks each. */
const eapBytes = 2 + 4 + 2 * (2 + 6 + 2 + 48);
/** Room that a reply needs besides its attributes: a proxy on the way may have added one Proxy-State of full length. */
const reserved = headerLength + messageAuthenticatorLength + eapBytes + 2 + maxValueLength;
export const maxAttributeBytes = maxPacketLength - reserved;

/** ACL entries as the switch counts them: with the final deny of each family that it filters. */
export function countAclEntries(profile: NasProfile, acl: readonly AclEntry[], portAcl: PortAclScope = 'full'): number {
  if (portAcl === 'none' || profile.aclForms.length === 0) return 0;
  const filtered = aclFamiliesOf(profile, portAcl);
  const own = acl.filter(({ family }) => filtered.includes(family));
  const form = formOf(profile, own);
  return own.reduce((sum, entry) => sum + (form?.renderEntry(entry)?.length ?? 1), 0) + filtered.length;
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
  const wrong = [
    ...checkRanges(authorization),
    ...checkVoice(profile, authorization),
    ...checkEnforced(profile, authorization),
    ...checkEntries(profile, authorization),
  ];
  if (wrong.length > 0) return wrong;
  const count = countAclEntries(profile, authorization.acl, authorization.portAcl);
  const budget = Math.min(aclBudget ?? Infinity, profile.mostAclEntries ?? Infinity);
  if (count > budget) return [overBudget(profile, authorization, count, budget)];
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

function overBudget(profile: NasProfile, { portAcl }: Authorization, count: number, budget: number): Diagnostic {
  const closing = aclFamiliesOf(profile, portAcl).length === 1 ? 'one closes IPv4' : 'two close IPv4 and IPv6';
  return error(
    'acl-over-budget',
    `the ACL has ${count} entries, of which ${closing}; the switch takes ${budget}`,
    'allow prefixes instead of single addresses, or split the class',
  );
}

function checkEntries(profile: NasProfile, { acl, portAcl }: Authorization): Diagnostic[] {
  if (portAcl === 'none' || profile.aclForms.length === 0) return [];
  const filtered = aclFamiliesOf(profile, portAcl);
  const own = acl.map((entry, i) => ({ entry, i })).filter(({ entry }) => filtered.includes(entry.family));
  if (
    formOf(
      profile,
      own.map(({ entry }) => entry),
    )
  )
    return [];
  const last = profile.aclForms.at(-1)!;
  return own
    .filter(({ entry }) => last.renderEntry(entry) === null)
    .map(({ i }) =>
      error(
        'acl-entry-not-expressible',
        `profile \`${profile.name}\` has no words for entry ${i + 1} of the ACL`,
        'docs/nas-profiles.md says what this make can be told; ports need TCP, UDP or SCTP, types ICMP of the same family, established TCP',
      ),
    );
}

function checkEnforced(profile: NasProfile, authorization: Authorization): Diagnostic[] {
  const unenforced = whyNotEnforced(profile, authorization);
  return unenforced ? [error('port-acl-not-enforced', unenforced.summary, unenforced.hint)] : [];
}

function checkVoice(profile: NasProfile, { voice }: Authorization): Diagnostic[] {
  if (!voice || profile.renderVoiceVlan) return [];
  const summary = `profile \`${profile.name}\` has no words for a voice segment`;
  return [
    error('voice-not-expressible', summary, 'give telephones behind this switch a segment without `voice: true`'),
  ];
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
