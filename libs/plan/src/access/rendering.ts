import type { AccessGrant, NasEntry, Snapshot } from '#policy';
import {
  checkAuthorization,
  countAclEntries,
  describeAttribute,
  encodeAttributes,
  nasProfile,
  renderAuthorization,
  types,
  type Attribute,
  type Authorization,
  type NasProfile,
} from '#radius';

/**
 * Switches that are told the same: a profile, and what of port ACLs is enforced elsewhere. As text, so that plans show it:
 * `mikrotik (portAcl: none)`.
 */
export const switchKind = ({ profile, portAcl }: Pick<NasEntry, 'profile' | 'portAcl'>): string =>
  portAcl === 'full' ? profile : `${profile} (portAcl: ${portAcl})`;

function readKind(kind: string): Pick<NasEntry, 'profile' | 'portAcl'> {
  const [, profile = kind, portAcl = 'full'] = /^(\S+) \(portAcl: (\S+)\)$/.exec(kind) ?? [];
  return { profile, portAcl: portAcl as NasEntry['portAcl'] };
}

/**
 * What a switch of one kind is told for a grant, in one policy. Session-Timeout, Termination-Action and Class stand in
 * every reply and are individual to a session: they make no difference here, as they make none to the bridge.
 */
export class Rendering {
  private readonly rendered = new Map<string, Told>();
  private readonly counts = new Map<string, number>();

  constructor(private readonly snapshot: Snapshot) {}

  /** Equal fingerprints: the switch would do the same. */
  fingerprint(kind: string, grant: AccessGrant): string {
    const told = this.told(kind, grant);
    return typeof told === 'string' ? told : encodeAttributes(told).toString('latin1');
  }

  /** One line per attribute, rules of a NAS-Filter-Rule one by one. */
  lines(kind: string, grant: AccessGrant): string[] {
    const told = this.told(kind, grant);
    return typeof told === 'string' ? [`no access: ${told}`] : linesOf(told);
  }

  entries(kind: string, role: string): number {
    const key = `${kind} ${role}`;
    const known = this.counts.get(key);
    if (known !== undefined) return known;
    const { profile, portAcl } = readKind(kind);
    const made = nasProfile(profile);
    const count = made ? countAclEntries(made, this.snapshot.portAcls[role] ?? [], portAcl) : 0;
    this.counts.set(key, count);
    return count;
  }

  private told(kind: string, grant: AccessGrant): Told {
    const { vlan, sgt, role, voice } = grant;
    const key = `${kind} ${vlan} ${sgt} ${role} ${voice}`;
    const known = this.rendered.get(key);
    if (known) return known;
    const { profile, portAcl } = readKind(kind);
    const made = nasProfile(profile);
    const acl = this.snapshot.portAcls[role] ?? [];
    const wanted = { vlan, sgt, role, voice, acl, portAcl, sessionTimeout: 1, class: Buffer.from('cordon') };
    const told = made ? tellGrant(made, wanted) : [];
    this.rendered.set(key, told);
    return told;
  }
}

/** Why such a switch can't be told, where it can't: then it is in one of the two policies only. */
type Told = readonly Attribute[] | string;

function tellGrant(profile: NasProfile, authorization: Authorization): Told {
  const [finding] = checkAuthorization(profile, authorization, null);
  if (finding) return finding.summary;
  return renderAuthorization(profile, authorization).filter(({ type }) => !individual.has(type));
}

/** One line per attribute; RFC 4849 §2: rules run on from one attribute into the next. */
function linesOf(attributes: readonly Attribute[]): string[] {
  const rules = attributes.filter(({ type }) => type === types.nasFilterRule);
  const first = rules[0];
  return attributes.flatMap((attribute) => {
    if (attribute.type !== types.nasFilterRule) return [textOf(attribute)];
    if (attribute !== first) return [];
    const whole = Buffer.concat(rules.map(({ value }) => value));
    const { name } = describeAttribute(attribute);
    return whole
      .toString('latin1')
      .split('\0')
      .map((rule) => textOf({ type: attribute.type, value: Buffer.from(rule, 'latin1') }, name));
  });
}

const individual: ReadonlySet<number> = new Set([types.sessionTimeout, types.terminationAction, types.class]);

function textOf(attribute: Attribute, name?: string): string {
  const described = describeAttribute(attribute);
  return `${name ?? described.name} = ${described.value}`;
}

/** Kinds of the switches that may ask for a site: those that stand there, and those with an SSID of that name. */
export function kindsAt(nas: readonly NasEntry[], site: string): string[] {
  const found = nas.filter((entry) => entry.site === site || Object.values(entry.ssidSites).includes(site));
  return [...new Set(found.map(switchKind))].sort();
}
