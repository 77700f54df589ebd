import { PacketSpace, type AclEntry } from '#net';
import { checkAuthorization, countAclEntries, nasProfile, verifyAcl, type NasProfile } from '#radius';
import { policyCodes, type PolicyCode, type Report } from '../codes.js';
import type { NasSource, Policy } from '../policy.js';
import type { AccessGrant } from '../snapshot.js';

/** Class attribute of the length that the bridge sends: part of a reply's size. */
const classOfFullLength = Buffer.alloc(32);

/**
 * Whether every authorization fits every switch that may have to give it, in ACL entries and in bytes, and means there what
 * the port ACL says: found here, so that no Access-Request ever meets an answer that can't be sent or says something else.
 */
export function checkBudgets(
  policy: Policy,
  access: readonly AccessGrant[],
  acls: Readonly<Record<string, readonly AclEntry[]>>,
  report: Report,
): void {
  const bySite = Map.groupBy(access, ({ site }) => site);
  const told = new Set<string>();
  const fits: Filled[] = [];
  const proved = new Set<string>();
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
      const acl = acls[role] ?? [];
      if (!told.has(key) && checkGrant(nas, profile, grant, acl, report))
        fits.push({ nas, role, entries: countAclEntries(profile, acl) });
      told.add(key);
      // What it means depends on make and ACL alone. What doesn't fit is told already.
      const artefact = `${role} ${nas.profile}`;
      if (!proved.has(artefact) && !report.hasErrors) checkMeaning(space, nas, profile, role, acl, report);
      proved.add(artefact);
    }
  }
  reportNearBudget(fits, report);
}

/** True when it fits. */
function checkGrant(
  nas: NasSource,
  profile: NasProfile,
  grant: AccessGrant,
  acl: readonly AclEntry[],
  report: Report,
): boolean {
  const { vlan, sgt } = grant;
  const authorization = { vlan, sgt, acl, sessionTimeout: nas.sessionTimeout, class: classOfFullLength };
  const problems = checkAuthorization(profile, authorization, nas.aclEntries);
  for (const { code, summary, hint } of problems) {
    const own: PolicyCode = Object.hasOwn(policyCodes, code) ? (code as PolicyCode) : 'acl-over-budget';
    report.add(own, nas.span, `\`${grant.role}\` on \`${nas.name}\` (${nas.profile}): ${summary}`, hint);
  }
  return problems.length === 0;
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

function checkMeaning(
  space: PacketSpace,
  nas: NasSource,
  profile: NasProfile,
  role: string,
  acl: readonly AclEntry[],
  report: Report,
): void {
  const difference = verifyAcl(space, profile, acl, profile.renderAcl(acl));
  if (!difference) return;
  const summary = `\`${role}\` on \`${nas.name}\` (${nas.profile}): ${difference.summary}`;
  report.add('artefact-differs', nas.span, summary, difference.hint);
}
