import { PacketSpace, type AclEntry } from '#net';
import { checkAuthorization, nasProfile, verifyAcl, type NasProfile } from '#radius';
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
      if (told.has(key)) continue;
      told.add(key);
      // What it means depends on make and ACL alone. What doesn't fit is told already.
      const artefact = `${role} ${nas.profile}`;
      if (!checkGrant(nas, profile, grant, acls[role] ?? [], report) || proved.has(artefact)) continue;
      checkMeaning(space, nas, profile, role, acls[role] ?? [], report);
      proved.add(artefact);
    }
  }
}

/** Whether it fits. */
function checkGrant(
  nas: NasSource,
  profile: NasProfile,
  grant: AccessGrant,
  acl: readonly AclEntry[],
  report: Report,
): boolean {
  const { vlan, sgt } = grant;
  const authorization = { vlan, sgt, acl, sessionTimeout: nas.sessionTimeout, class: classOfFullLength };
  const findings = checkAuthorization(profile, authorization, nas.aclEntries);
  for (const { code, summary, hint } of findings) {
    const own: PolicyCode = Object.hasOwn(policyCodes, code) ? (code as PolicyCode) : 'acl-over-budget';
    report.add(own, nas.span, `\`${grant.role}\` on \`${nas.name}\` (${nas.profile}): ${summary}`, hint);
  }
  return findings.length === 0;
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
