import { compareText } from '#base';
import { accessFor, type AccessGrant, type Snapshot } from '#policy';
import type { AccessAspect, AccessChange, AccessPlan, Placement, RenderedChange } from '../plan.js';
import type { DeviceGroup } from './device-groups.js';
import { diffLines, withoutNumber } from './line-diff.js';
import { kindsAt, switchKind, type Rendering } from './rendering.js';

/** One group of devices with what it has in both policies. `devices`: null without an inventory. */
export interface GroupAccess {
  readonly group: Omit<DeviceGroup, 'count'>;
  readonly devices: number | null;
  /** Null: rejected. */
  readonly before: AccessGrant | null;
  readonly after: AccessGrant | null;
}

export interface Renderings {
  readonly before: Rendering;
  readonly after: Rendering;
}

/** Without an inventory: every class × site × posture that either policy has an answer for, counts unknown. */
export function accessOfTables(before: Snapshot, after: Snapshot): GroupAccess[] {
  const keyed = new Map(
    [...before.accessTable, ...after.accessTable].map((grant) => [
      `${grant.class} ${grant.site} ${grant.posture}`,
      grant,
    ]),
  );
  return [...keyed.values()].map(({ class: name, site, posture }) => ({
    group: { class: name, site, posture, nas: null, sample: [] },
    devices: null,
    before: accessFor(before, name, site, posture),
    after: accessFor(after, name, site, posture),
  }));
}

/** A switch that a policy does not know gets no answer: its devices have no access there. */
export function accessOfGroups(groups: readonly DeviceGroup[], before: Snapshot, after: Snapshot): GroupAccess[] {
  const known = [before, after].map(({ nas }) => new Set(nas.map(({ name }) => name)));
  return groups.map((group) => {
    const grantIn = (snapshot: Snapshot, i: number): AccessGrant | null =>
      group.nas === null || known[i]!.has(group.nas)
        ? accessFor(snapshot, group.class, group.site, group.posture)
        : null;
    return { group, devices: group.count, before: grantIn(before, 0), after: grantIn(after, 1) };
  });
}

/** Devices whose segment, VLAN, role, tag or port ACL changes, and what their switches are told before and after. */
export function diffAccess(
  groups: readonly GroupAccess[],
  before: Snapshot,
  after: Snapshot,
  renderings: Renderings,
): AccessPlan {
  const sameAcl = aclComparison(before, after);
  const rows = new Map<string, AccessChange>();
  const rendered = new RenderedChanges(renderings);
  const profiles = new Map([...before.nas, ...after.nas].map((nas) => [nas.name, switchKind(nas)]));
  const everyNas = [...before.nas, ...after.nas];
  for (const { group, devices, before: was, after: is } of groups) {
    const aspects = aspectsOf(was, is, sameAcl);
    if (aspects.length === 0) continue;
    const profile = group.nas === null ? null : (profiles.get(group.nas) ?? null);
    for (const told of profile === null ? kindsAt(everyNas, group.site) : [profile])
      rendered.add(told, was, is, `${group.class} at ${group.site}, ${group.posture}`);
    const { class: name, site, posture } = group;
    const places = { before: placementOf(was), after: placementOf(is) };
    const key = `${name} ${site} ${posture} ${profile ?? ''} ${JSON.stringify(places)}`;
    const row = rows.get(key);
    rows.set(key, {
      class: name,
      site,
      posture,
      profile,
      devices: devices === null ? null : (row?.devices ?? 0) + devices,
      sample: [...(row?.sample ?? []), ...group.sample].sort(compareText).slice(0, 5),
      aspects,
      ...places,
    });
  }
  return { changes: [...rows.values()].sort(compareChanges), rendered: rendered.list() };
}

function aspectsOf(
  was: AccessGrant | null,
  is: AccessGrant | null,
  sameAcl: (before: string, after: string) => boolean,
): AccessAspect[] {
  if (!was && !is) return [];
  if (!was) return ['admitted'];
  if (!is) return ['rejected'];
  const aspects: AccessAspect[] = [];
  if (was.segment !== is.segment) aspects.push('segment');
  if (was.vlan !== is.vlan) aspects.push('vlan');
  if (was.role !== is.role) aspects.push('role');
  if (was.sgt !== is.sgt) aspects.push('sgt');
  if (was.voice !== is.voice) aspects.push('voice');
  if (!sameAcl(was.role, is.role)) aspects.push('acl');
  return aspects;
}

function aclComparison(before: Snapshot, after: Snapshot): (was: string, is: string) => boolean {
  const texts = [before, after].map(({ portAcls }) => {
    const known = new Map<string, string>();
    return (role: string): string => {
      const text = known.get(role) ?? aclText(portAcls[role] ?? []);
      known.set(role, text);
      return text;
    };
  });
  return (was, is) => texts[0]!(was) === texts[1]!(is);
}

const aclText = (acl: Snapshot['portAcls'][string]): string =>
  JSON.stringify(acl, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));

function placementOf(grant: AccessGrant | null): Placement | null {
  if (!grant) return null;
  const { segment, vlan, role, sgt, voice, rule } = grant;
  return { segment, vlan, role, sgt, voice, rule: `${rule.file}:${rule.line}` };
}

function compareChanges(a: AccessChange, b: AccessChange): number {
  return (
    compareText(a.class, b.class) ||
    compareText(a.site, b.site) ||
    compareText(a.posture, b.posture) ||
    compareText(a.profile ?? '', b.profile ?? '') ||
    compareText(JSON.stringify(a.after), JSON.stringify(b.after))
  );
}

/** Differences of what switches are told, each kept once however many roles and devices have it. */
class RenderedChanges {
  private readonly found = new Map<string, FoundChange>();
  private readonly byGrants = new Map<string, FoundChange | null>();

  constructor(private readonly renderings: Renderings) {}

  add(profile: string, was: AccessGrant | null, is: AccessGrant | null, place: string): void {
    const key = [profile, ...factsOf(was), ...factsOf(is)].join(' ');
    let change = this.byGrants.get(key);
    if (change === undefined) this.byGrants.set(key, (change = this.render(profile, was, is)));
    change?.places.add(place);
    const [before, after] = [was?.role ?? null, is?.role ?? null];
    change?.roles.set(`${before} ${after}`, { before, after });
  }

  list(): RenderedChange[] {
    const rows = [...this.found.values()].map(({ profile, roles, lines, moved, places }): RenderedChange => ({
      profile,
      roles: [...roles].sort(([a], [b]) => compareText(a, b)).map(([, role]) => role),
      lines,
      moved,
      appliesTo: [...places].sort(compareText),
    }));
    return rows.sort((a, b) => compareText(JSON.stringify([a.roles, a]), JSON.stringify([b.roles, b])));
  }

  private render(profile: string, was: AccessGrant | null, is: AccessGrant | null): FoundChange | null {
    const before = was ? this.renderings.before.lines(profile, was) : [];
    const after = is ? this.renderings.after.lines(profile, is) : [];
    const { lines, moved } = diffLines(before, after);
    if (lines.length + moved === 0) return null;
    // What stays is context, and differs between roles and sites: what changes is what makes two of them different.
    const key = JSON.stringify([profile, moved, lines.map(({ sign, text }) => sign + withoutNumber(text))]);
    const known = this.found.get(key);
    if (known) return known;
    const made = { profile, lines, moved, roles: new Map(), places: new Set<string>() };
    this.found.set(key, made);
    return made;
  }
}

const factsOf = (grant: AccessGrant | null): unknown[] =>
  grant ? [grant.role, grant.vlan, grant.sgt, grant.voice] : ['rejected'];

type FoundChange = Pick<RenderedChange, 'profile' | 'lines' | 'moved'> & {
  readonly roles: Map<string, RenderedChange['roles'][number]>;
  readonly places: Set<string>;
};
