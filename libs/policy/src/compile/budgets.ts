import type { Diagnostic } from '#base';
import { PacketSpace, type AclEntry } from '#net';
import { checkAuthorization, countAclEntries, nasProfile, verifyAcl, type NasProfile } from '#radius';
import { policyCodes, type PolicyCode, type Report } from '../codes.js';
import type { NasSource, Policy } from '../policy.js';
import type { AccessGrant } from '../snapshot.js';

/** Class attribute of the length that the bridge sends: part of a reply's size. */
const classOfFullLength = Buffer.alloc(32);

/**
 * Whether every authorization fits every switch that may have to give it, in ACL entries and in bytes, and whether what the
 * switch would be told means what the ACL says: found here, so that no Access-Request ever meets an answer that can't be sent.
 * What was found of a port ACL is remembered with it.
 */
export class BudgetCheck {
  private readonly known = new WeakMap<readonly AclEntry[], Map<string, readonly Diagnostic[]>>();

  check(
    policy: Policy,
    access: readonly AccessGrant[],
    acls: Readonly<Record<string, readonly AclEntry[]>>,
    report: Report,
  ): void {
    if (policy.nas.length === 0) return;
    const bySite = Map.groupBy(access, ({ site }) => site);
    const told = new Set<string>();
    const fits: Filled[] = [];
    const space = new PacketSpace();
    for (const nas of policy.nas) {
      const profile = nasProfile(nas.profile);
      if (!profile) continue;
      const sites = new Set([nas.site, ...Object.values(nas.ssidSites)]);
      const grants = [...sites].flatMap((site) => bySite.get(site) ?? []);
      const perRole = new Map(grants.map((grant) => [grant.role, grant]));
      for (const [role, grant] of perRole) {
        // Switches with the same profile and budget would all say the same.
        const key = `${role} ${nas.profile} ${nas.aclEntries}`;
        if (told.has(key)) continue;
        told.add(key);
        const acl = acls[role] ?? [];
        const found = this.findings(space, nas, profile, grant, acl);
        for (const { code, summary, hint } of found) {
          const own: PolicyCode = Object.hasOwn(policyCodes, code) ? (code as PolicyCode) : 'acl-over-budget';
          report.add(own, nas.span, `\`${role}\` on \`${nas.name}\` (${nas.profile}): ${summary}`, hint);
        }
        if (found.length === 0) fits.push({ nas, role, entries: countAclEntries(profile, acl) });
      }
    }
    reportNearBudget(fits, report);
  }

  private findings(
    space: PacketSpace,
    { aclEntries, sessionTimeout }: NasSource,
    profile: NasProfile,
    { vlan, sgt }: AccessGrant,
    acl: readonly AclEntry[],
  ): readonly Diagnostic[] {
    const key = `${profile.name} ${aclEntries} ${sessionTimeout} ${vlan} ${sgt}`;
    const ofAcl = this.known.get(acl) ?? new Map<string, readonly Diagnostic[]>();
    this.known.set(acl, ofAcl);
    let found = ofAcl.get(key);
    if (!found) {
      const authorization = { vlan, sgt, acl, sessionTimeout, class: classOfFullLength };
      const unfit = checkAuthorization(profile, authorization, aclEntries);
      found = unfit.length > 0 ? unfit : [...differences(space, profile, acl)];
      ofAcl.set(key, found);
    }
    return found;
  }
}

function* differences(space: PacketSpace, profile: NasProfile, acl: readonly AclEntry[]): Generator<Diagnostic> {
  const difference = verifyAcl(space, profile, acl, profile.renderAcl(acl));
  if (difference)
    yield { severity: 'error', code: 'artefact-differs', summary: difference.summary, hint: difference.hint };
}

interface Filled {
  readonly nas: NasSource;
  readonly role: string;
  readonly entries: number;
}

/** Above nine tenths the next rule may be refused. One finding per kind of switch, about the fullest ACL. */
function reportNearBudget(fits: readonly Filled[], report: Report): void {
  const near = fits.filter(({ nas: { aclEntries }, entries }) => aclEntries !== null && entries * 10 > aclEntries * 9);
  for (const alike of Map.groupBy(near, ({ nas }) => `${nas.profile} ${nas.aclEntries}`).values()) {
    const fullest = alike.reduce((a, b) => (b.entries > a.entries ? b : a));
    const { nas, role, entries } = fullest;
    const others = alike.length > 1 ? `; ${alike.length - 1} more above nine tenths` : '';
    const summary = `\`${role}\` on \`${nas.name}\` (${nas.profile}) takes ${entries} of ${nas.aclEntries} ACL entries${others}`;
    report.add('acl-near-budget', nas.span, summary, 'allow prefixes instead of single addresses before more is added');
  }
}
