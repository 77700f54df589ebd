import type { NamedList, Vlan } from '#model';
import type { AclEntry, Family } from '#net';
import { aclFamiliesOf, filterName, nasProfile, toldAcl, type NasProfile } from '#radius';
import type { NasEntry, Snapshot } from './snapshot.js';

/** What must stand on a switch because replies name it. */
export interface SwitchRules {
  readonly lists: readonly NamedList[];
  readonly vlans: readonly Vlan[];
}

const none: SwitchRules = { lists: [], vlans: [] };

const kept = new WeakMap<Snapshot, Map<string, SwitchRules>>();

/** Of one policy; the same object for switches that are alike. A switch that the policy does not know has nothing. */
export function switchRules(snapshot: Snapshot, name: string): SwitchRules {
  const nas = snapshot.nas.find((known) => known.name === name);
  const profile = nas && nasProfile(nas.profile);
  if (!profile) return none;
  const byKind = kept.get(snapshot) ?? new Map<string, SwitchRules>();
  kept.set(snapshot, byKind);
  const sites = sitesOf(nas);
  const { serverDown } = nas;
  const kind = [nas.profile, nas.portAcl, ...sites, serverDown?.segment, serverDown?.voice?.segment].join(' ');
  let rules = byKind.get(kind);
  if (!rules) byKind.set(kind, (rules = { lists: listsOf(snapshot, nas, profile), vlans: vlansOf(snapshot, nas) }));
  return rules;
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
    const left = families.filter((family) => !aclFamiliesOf(profile, nas.portAcl).includes(family));
    lists.set(name, { name, entries: [...told.acl.entries, ...left.map(permitAll)] });
  }
  return [...lists.values()];
}

const families: readonly Family[] = [4, 6];

/** Of a family that something else filters: a list that is silent about it would close it. */
const permitAll = (family: Family): AclEntry => ({
  action: 'permit',
  family,
  protocol: null,
  sourcePorts: null,
  destination: null,
  destinationPorts: null,
  established: false,
});

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
