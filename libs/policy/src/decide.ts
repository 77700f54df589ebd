import { remembered } from '#base';
import { hasAddress, type Address, type ServiceSet } from '#net';
import type { AuthenticationMethod, DevicePosture, Posture } from '#model';
import type { AccessGrant, FlowRule, RuleLine, SegmentAtSite, Snapshot } from './snapshot.js';

/** One side of a packet: the class of the device that holds the address, its address, or both. */
export interface PacketSide {
  readonly class?: string | null;
  readonly address?: Address | null;
}

export interface FlowPacket {
  readonly source: PacketSide;
  readonly destination: PacketSide;
  readonly protocol: number;
  /** Destination port; ICMP: type. */
  readonly port: number;
}

export interface FlowVerdict {
  readonly verdict: 'allow' | 'deny';
  readonly reason: string;
  /** The lines that decide: all denies that match, else all allows that match; none for the default deny. */
  readonly rules: readonly RuleLine[];
}

/**
 * In which posture a device is that authenticated by `method`; what was set on the device wins.
 *
 * INVARIANT: MAC authentication never yields `verified`, nor does a password where the policy does not say so.
 */
export function effectivePosture(
  { eap }: Pick<Snapshot, 'eap'>,
  device: DevicePosture,
  method: AuthenticationMethod,
): Posture {
  if (device !== 'normal') return device;
  if (method === 'certificate') return 'verified';
  return method === 'password' ? (eap?.passwordPosture ?? 'unverified') : 'unverified';
}

/** The answer of the access table; null: reject. */
export function accessFor(snapshot: Snapshot, deviceClass: string, site: string, posture: Posture): AccessGrant | null {
  return indexOf(snapshot).access.get(`${deviceClass} ${site} ${posture}`) ?? null;
}

const segments = new WeakMap<Snapshot, Map<string, SegmentAtSite | null>>();

/** A segment as it is at a site: a child site has its parent's unless it has its own. Null: it is not there. */
export function segmentIn(snapshot: Snapshot, segment: string, site: string): SegmentAtSite | null {
  const known = remembered(segments, snapshot, () => new Map<string, SegmentAtSite | null>());
  return remembered(known, `${segment} ${site}`, () => {
    const places = snapshot.segments.find(({ name }) => name === segment)?.sites ?? [];
    const near = [site, ...(snapshot.sites.find(({ name }) => name === site)?.ancestors ?? [])];
    return near.map((at) => places.find((place) => place.site === at)).find((place) => place !== undefined) ?? null;
  });
}

/** All principals that a side is: its class with everything above it, every endpoint that contains its address. */
export function principalsOf(snapshot: Snapshot, side: PacketSide): ReadonlySet<string> {
  const index = indexOf(snapshot);
  const out = new Set<string>();
  if (side.class) for (const name of index.classes.get(side.class) ?? []) out.add(name);
  const { address } = side;
  if (address) for (const { name, addresses } of snapshot.endpoints) if (hasAddress(addresses, address)) out.add(name);
  return out;
}

export interface SnapshotIndex {
  readonly bySubject: ReadonlyMap<string, readonly FlowRule[]>;
  readonly services: ReadonlyMap<string, ServiceSet>;
  /** Class → itself and its ancestors. */
  readonly classes: ReadonlyMap<string, readonly string[]>;
  readonly access: ReadonlyMap<string, AccessGrant>;
  readonly rules: ReadonlyMap<string, FlowRule>;
}

const indexes = new WeakMap<Snapshot, SnapshotIndex>();

export function indexOf(snapshot: Snapshot): SnapshotIndex {
  const known = indexes.get(snapshot);
  if (known) return known;
  const made: SnapshotIndex = {
    bySubject: Map.groupBy(
      snapshot.flowRules.filter(({ active }) => active),
      (rule) => rule.subject,
    ),
    services: new Map(snapshot.applications.map(({ name, services }) => [name, services])),
    classes: new Map(snapshot.classes.map(({ name, ancestors }) => [name, [name, ...ancestors]])),
    access: new Map(snapshot.accessTable.map((grant) => [`${grant.class} ${grant.site} ${grant.posture}`, grant])),
    rules: new Map(snapshot.flowRules.map((rule) => [rule.id, rule])),
  };
  indexes.set(snapshot, made);
  return made;
}

/** What no rule names is denied. */
export const noRule: FlowVerdict = { verdict: 'deny', reason: 'no rule allows it', rules: [] };

/** Deny overrides allow. */
export function decideBy(
  index: SnapshotIndex,
  subjects: ReadonlySet<string>,
  objects: ReadonlySet<string>,
  covers: (services: ServiceSet) => boolean,
): FlowVerdict {
  const matching: FlowRule[] = [];
  for (const subject of subjects) {
    for (const rule of index.bySubject.get(subject) ?? []) {
      if (objects.has(rule.object) && covers(index.services.get(rule.application) ?? [])) matching.push(rule);
    }
  }
  const denies = matching.filter(({ effect }) => effect === 'deny');
  if (denies.length > 0) return { verdict: 'deny', reason: 'denied by rule', rules: denies.map(lineOf) };
  if (matching.length > 0) return { verdict: 'allow', reason: 'allowed by rule', rules: matching.map(lineOf) };
  return noRule;
}

export function lineOf({ id, file, line, text }: RuleLine): RuleLine {
  return { id, file, line, text };
}
