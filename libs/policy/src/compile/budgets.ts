import type { Diagnostic } from '#base';
import { PacketSpace, protocols, type AclEntry } from '#net';
import {
  checkAuthorization,
  countAclEntries,
  filterName,
  nasProfile,
  renderPortAcl,
  serverDownAbilities,
  toldAcl,
  verifyAcl,
  type Authorization,
  type NasProfile,
} from '#radius';
import { policyCodes, type PolicyCode, type Report } from '../codes.js';
import { partsOf } from '../enforcement.js';
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
      const perRole = new Map(grants.map((grant) => [`${grant.role} ${grant.voice}`, grant]));
      for (const grant of perRole.values()) {
        const { role, voice } = grant;
        // Switches with the same profile and budget would all say the same.
        const key = `${role} ${voice} ${nas.profile} ${nas.aclEntries} ${nas.portAcl}`;
        if (told.has(key)) continue;
        told.add(key);
        const acl = acls[role] ?? [];
        const found = this.findings(space, nas, profile, grant, acl);
        for (const { code, summary, hint } of found) {
          const own: PolicyCode = Object.hasOwn(policyCodes, code) ? (code as PolicyCode) : 'acl-over-budget';
          report.add(own, nas.span, `\`${role}\` on \`${nas.name}\` (${nas.profile}): ${summary}`, hint);
        }
        if (found.length === 0) fits.push({ nas, role, entries: countAclEntries(profile, acl, nas.portAcl) });
      }
    }
    for (const nas of policy.nas) reportCriticalList(nas, acls, report);
    reportNearBudget(fits, report);
    reportElsewhere(policy.nas, report);
    const placed = new Set(
      policy.enforcementPoints.filter((point) => partsOf(point).includes('lists')).map(({ nas }) => nas),
    );
    reportNames(
      fits.filter(({ nas }) => !placed.has(nas.name)),
      acls,
      report,
    );
  }

  private findings(
    space: PacketSpace,
    { aclEntries, sessionTimeout, portAcl }: NasSource,
    profile: NasProfile,
    { vlan, sgt, role, voice }: AccessGrant,
    acl: readonly AclEntry[],
  ): readonly Diagnostic[] {
    const key = `${profile.name} ${aclEntries} ${sessionTimeout} ${portAcl} ${role} ${voice} ${vlan} ${sgt}`;
    const ofAcl = this.known.get(acl) ?? new Map<string, readonly Diagnostic[]>();
    this.known.set(acl, ofAcl);
    let found = ofAcl.get(key);
    if (!found) {
      const authorization = { vlan, voice, sgt, acl, role, portAcl, sessionTimeout, class: classOfFullLength };
      const unfit = checkAuthorization(profile, authorization, aclEntries);
      found = unfit.length > 0 ? unfit : [...differences(space, profile, authorization)];
      ofAcl.set(key, found);
    }
    return found;
  }
}

function* differences(space: PacketSpace, profile: NasProfile, authorization: Authorization): Generator<Diagnostic> {
  const difference = verifyAcl(space, profile, authorization, renderPortAcl(profile, authorization));
  if (difference)
    yield { severity: 'error', code: 'artefact-differs', summary: difference.summary, hint: difference.hint };
}

/** Whether the list for newcomers can stand on the switch while no RADIUS server answers. */
function reportCriticalList(
  { name, span, profile, serverDown, aclEntries }: NasSource,
  acls: Readonly<Record<string, readonly AclEntry[]>>,
  report: Report,
): void {
  const make = nasProfile(profile);
  if (!serverDown || !make) return;
  const { role, segment } = serverDown;
  const acl = acls[role] ?? [];
  const who = `\`${role}\` on \`${name}\` (${profile}) while no RADIUS server answers`;
  const count = countAclEntries(make, acl);
  if (aclEntries !== null && count > aclEntries) {
    const summary = `${who}: the ACL has ${count} entries; the switch takes ${aclEntries}`;
    report.add('acl-over-budget', span, summary, `allow \`${role}\` less, or prefixes instead of single addresses`);
  }
  const hasSctp = acl.some(
    ({ protocol, sourcePorts, destinationPorts }) =>
      protocol === protocols.sctp && (sourcePorts ?? destinationPorts) !== null,
  );
  if (hasSctp && serverDownAbilities(profile)?.sctpPorts === false)
    report.add(
      'server-down-segment',
      span,
      `${who}: this make has no words for ports of SCTP`,
      `give the switch another critical segment than \`${segment}\``,
    );
}

interface Filled {
  readonly nas: NasSource;
  readonly role: string;
  readonly entries: number;
}

/** What nas.yaml says of a switch, and nobody should forget. One finding per kind of switch. */
function reportElsewhere(list: readonly NasSource[], report: Report): void {
  const partly = list.filter(({ portAcl }) => portAcl !== 'full');
  for (const alike of Map.groupBy(partly, ({ profile, portAcl }) => `${profile} ${portAcl}`).values()) {
    const [{ name, profile, portAcl, span }] = alike as [NasSource];
    const what = portAcl === 'none' ? 'port ACLs' : 'the IPv6 part of port ACLs';
    const others = alike.length > 1 ? ` and ${alike.length - 1} more` : '';
    const summary = `\`${name}\`${others} (${profile}): this switch does not enforce ${what}`;
    report.add(
      'port-acl-elsewhere',
      span,
      summary,
      'make sure that something else does: a firewall between the segments, for one',
    );
  }
}

/** Roles whose ACL goes as a name, to a switch on which no enforcement point puts the lists. One finding per kind of switch. */
function reportNames(
  fits: readonly Filled[],
  acls: Readonly<Record<string, readonly AclEntry[]>>,
  report: Report,
): void {
  const named = fits.flatMap(({ nas, role }) => {
    const told = toldAcl(nasProfile(nas.profile)!, { acl: acls[role] ?? [], role, portAcl: nas.portAcl });
    return told && !told.form.carriesEntries ? [{ nas, role, name: filterName(told.acl) }] : [];
  });
  for (const alike of Map.groupBy(named, ({ nas }) => `${nas.profile} ${nas.portAcl}`).values()) {
    const { nas, role, name } = alike.reduce((a, b) => (b.role < a.role ? b : a));
    const others = alike.length > 1 ? `; ${alike.length - 1} more go by name` : '';
    const summary = `\`${role}\` on \`${nas.name}\` (${nas.profile}) goes by its name \`${name}\`${others}`;
    report.add(
      'acl-by-name',
      nas.span,
      summary,
      'have the list on the switch under that name before the policy is in force, or let an enforcement point put it there',
    );
  }
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
