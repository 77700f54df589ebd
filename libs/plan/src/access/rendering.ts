import type { AccessGrant, NasEntry, Snapshot } from '#policy';
import {
  countAclEntries,
  describeAttribute,
  encodeAttributes,
  nasProfile,
  renderAuthorization,
  types,
  type Attribute,
} from '#radius';

/**
 * What a switch of one profile is told for a grant, in one policy. Session-Timeout, Termination-Action and Class stand in
 * every reply and are individual to a session: they make no difference here, as they make none to the bridge.
 */
export class Rendering {
  private readonly rendered = new Map<string, Attribute[]>();
  private readonly counts = new Map<string, number>();

  constructor(private readonly snapshot: Snapshot) {}

  /** Equal fingerprints: the switch would do the same. */
  fingerprint(profile: string, grant: AccessGrant): string {
    return encodeAttributes(this.attributes(profile, grant)).toString('latin1');
  }

  /** One line per attribute, rules of a NAS-Filter-Rule one by one. */
  lines(profile: string, grant: AccessGrant): string[] {
    const attributes = this.attributes(profile, grant);
    // RFC 4849 §2: rules run on from one attribute into the next.
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

  entries(profile: string, role: string): number {
    const key = `${profile} ${role}`;
    const known = this.counts.get(key);
    if (known !== undefined) return known;
    const made = nasProfile(profile);
    const count = made ? countAclEntries(made, this.snapshot.portAcls[role] ?? []) : 0;
    this.counts.set(key, count);
    return count;
  }

  private attributes(profile: string, grant: AccessGrant): Attribute[] {
    const { vlan, sgt, role } = grant;
    const key = `${profile} ${vlan} ${sgt} ${role}`;
    const known = this.rendered.get(key);
    if (known) return known;
    const made = nasProfile(profile);
    const acl = this.snapshot.portAcls[role] ?? [];
    const all = made
      ? renderAuthorization(made, { vlan, sgt, acl, sessionTimeout: 1, class: Buffer.from('cordon') })
      : [];
    const own = all.filter(({ type }) => !individual.has(type));
    this.rendered.set(key, own);
    return own;
  }
}

const individual: ReadonlySet<number> = new Set([types.sessionTimeout, types.terminationAction, types.class]);

function textOf(attribute: Attribute, name?: string): string {
  const described = describeAttribute(attribute);
  return `${name ?? described.name} = ${described.value}`;
}

/** Profiles of the switches that may ask for a site: those that stand there, and those with an SSID of that name. */
export function profilesAt(nas: readonly NasEntry[], site: string): string[] {
  const found = nas.filter((entry) => entry.site === site || Object.values(entry.ssidSites).includes(site));
  return [...new Set(found.map(({ profile }) => profile))].sort();
}
