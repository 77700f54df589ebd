import { remembered } from '#base';
import type { EnforcementRules, NamedList, Vlan } from '#model';
import { everyPacket, families } from '#net';
import { aclFamiliesOf, filterName, nasProfile, toldAcl, type NasProfile } from '#radius';
import type { NasEntry, Snapshot } from './snapshot.js';

/** What must stand on a switch because replies name it. */
export type SwitchRules = Pick<EnforcementRules, 'lists' | 'vlans'>;

const kept = new WeakMap<Snapshot, Map<string, SwitchRules>>();

/** Of one policy; the same object for switches that are alike. A switch that the policy does not know has nothing. */
export function switchRules(snapshot: Snapshot, name: string): SwitchRules {
  const nas = snapshot.nas.find((known) => known.name === name);
  const profile = nas && nasProfile(nas.profile);
  if (!profile) return { lists: [], vlans: [] };
  const sites = sitesOf(nas);
  const { serverDown } = nas;
  const kind = [nas.profile, nas.portAcl, ...sites, serverDown?.segment, serverDown?.voice?.segment].join(' ');
  const byKind = remembered(kept, snapshot, () => new Map<string, SwitchRules>());
  return remembered(byKind, kind, () => ({ lists: listsOf(snapshot, nas, profile), vlans: vlansOf(snapshot, nas) }));
}

const sitesOf = ({ site, ssidSites }: NasEntry): readonly string[] => [
  ...new Set([site, ...Object.values(ssidSites).sort()]),
];

/** Those that the switch is told by name. */
function listsOf(snapshot: Snapshot, nas: NasEntry, profile: NasProfile): NamedList[] {
  const roles = new Set(placesAt(snapshot, nas).map(({ role }) => role));
  const lists = new Map<string, NamedList>();
  for (const role of roles) {
    const told = toldAcl(profile, { acl: snapshot.portAcls[role] ?? [], role, portAcl: nas.portAcl });
    if (!told || told.form.carriesEntries) continue;
    const name = filterName(told.acl);
    const filtered = aclFamiliesOf(profile, nas.portAcl);
    // What something else filters: a list that is silent about it would close it.
    const left = families.filter((family) => !filtered.includes(family));
    lists.set(name, { name, entries: [...told.acl.entries, ...left.map((family) => everyPacket('permit', family))] });
  }
  return [...lists.values()];
}

function vlansOf(snapshot: Snapshot, nas: NasEntry): Vlan[] {
  const vlans = new Map<number, Vlan>();
  const { serverDown } = nas;
  const ofServerDown = [serverDown, serverDown?.voice].flatMap((place) => place ?? []);
  // One id at two of its sites is one VLAN of the switch; its own site names it.
  for (const { vlan, segment } of [...placesAt(snapshot, nas), ...ofServerDown])
    if (!vlans.has(vlan)) vlans.set(vlan, { id: vlan, name: segment });
  return [...vlans.values()].sort((a, b) => a.id - b.id);
}

/** Where devices may be put, its own site first. */
const placesAt = ({ accessTable }: Snapshot, nas: NasEntry) =>
  sitesOf(nas).flatMap((site) => accessTable.filter((grant) => grant.site === site));
