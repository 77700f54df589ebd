import { hasPorts, portOf, protocolOf, type Address, type Interval } from '#net';
import type { Posture } from '#model';
import type { AccessGrant, FlowRegion, Snapshot } from '#policy';
import { Numbers } from './numbers.ts';

/* What a network that lives under a policy looks like: devices, their sessions, the flows that were seen. */

export interface Device {
  readonly mac: string;
  readonly class: string;
  readonly site: string;
  /** Switch that it is on; null where the policy names none at the site. */
  readonly nas: string | null;
  readonly posture: Posture;
  /** Class whose flow rules hold for it. */
  readonly role: string;
  readonly address: Address;
}

export interface Flow {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly port: number;
  readonly packets: number;
  readonly bytes: number;
  /** Seconds since 1970, of the first packet. */
  readonly at: number;
}

const postureShares: readonly [Posture, number][] = [
  ['unverified', 0.6],
  ['verified', 0.36],
  ['at-risk', 0.02],
  ['quarantined', 0.02],
];
const beginning = Date.UTC(2026, 9, 1) / 1000;
export const month = 30 * 86_400;

/** Devices that the policy admits, drawn over its access table; one in two has an IPv6 address instead of an IPv4 one. */
export function* devicesOf(snapshot: Snapshot, count: number, seed: number): Generator<Device> {
  const numbers = new Numbers(seed);
  const grants = grantsByPosture(snapshot);
  const switches = Map.groupBy(snapshot.nas, ({ site }) => site);
  const taken = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const grant = numbers.pick(drawPosture(grants, numbers));
    const { class: name, site, posture, role, segment } = grant;
    const atSite = switches.get(site) ?? [];
    const family = numbers.chance(0.5) ? 4 : 6;
    const key = `${segment} ${site} ${family}`;
    const before = taken.get(key) ?? 0;
    taken.set(key, before + 1);
    yield {
      mac: macOf(i),
      class: name,
      site,
      nas: atSite.length > 0 ? numbers.pick(atSite).name : null,
      posture,
      role,
      address: { family, value: addressIn(snapshot, grant, family, before) },
    };
  }
}

function grantsByPosture(snapshot: Snapshot): ReadonlyMap<Posture, readonly AccessGrant[]> {
  const real = snapshot.accessTable.filter(({ segment, site }) => placeOf(snapshot, segment, site) !== undefined);
  if (real.length === 0) throw new Error('the policy admits no device');
  return Map.groupBy(real, ({ posture }) => posture);
}

function drawPosture(grants: ReadonlyMap<Posture, readonly AccessGrant[]>, numbers: Numbers): readonly AccessGrant[] {
  let dice = numbers.next();
  for (const [posture, share] of postureShares) {
    dice -= share;
    if (dice < 0) return grants.get(posture) ?? [...grants.values()][0]!;
  }
  return [...grants.values()][0]!;
}

const places = new WeakMap<Snapshot, ReadonlyMap<string, Snapshot['segments'][number]['sites'][number]>>();

function placeOf(snapshot: Snapshot, segment: string, site: string) {
  const known =
    places.get(snapshot) ??
    new Map(snapshot.segments.flatMap(({ name, sites }) => sites.map((at) => [`${name} ${at.site}`, at] as const)));
  places.set(snapshot, known);
  return known.get(`${segment} ${site}`);
}

/** The next free address; a segment that is full begins anew, as with leases that end. */
function addressIn(snapshot: Snapshot, { segment, site }: AccessGrant, family: 4 | 6, before: number): bigint {
  const { prefixes } = placeOf(snapshot, segment, site)!;
  const { first, last } = (family === 4 ? prefixes.v4 : prefixes.v6)[0]!;
  const hosts = last - first - 2n;
  return first + 2n + (BigInt(before) % (hosts > 0n ? hosts : 1n));
}

function macOf(i: number): string {
  const hex = i.toString(16).padStart(8, '0');
  return ['02', '1a', ...(hex.match(/../g) ?? [])].join(':');
}

/** Share of flows that go to any address on any port, whatever the policy says. */
const strayShare = 0.03;

/**
 * TCP and UDP flows that devices opened: most are what their class is allowed, some are not. Few devices make most of them,
 * as on any network.
 */
export function* flowsOf(snapshot: Snapshot, devices: readonly Device[], count: number, seed: number): Generator<Flow> {
  const numbers = new Numbers(seed);
  const allowed = new Map<string, readonly FlowRegion[]>();
  const regionsOf = (role: string): readonly FlowRegion[] => {
    const known = allowed.get(role) ?? (snapshot.flows[role]?.outbound.allowed ?? []).filter(hasTransport);
    allowed.set(role, known);
    return known;
  };
  for (let i = 0; i < count; i++) {
    const device = devices[Math.floor(numbers.next() ** 3 * devices.length)]!;
    const { family } = device.address;
    const regions = regionsOf(device.role).filter(({ addresses }) => ofFamily(addresses, family).length > 0);
    const isStray = regions.length === 0 || numbers.chance(strayShare);
    const region = isStray ? null : numbers.pick(regions);
    const services = region ? region.services.filter(isTransport) : [{ first: 6 << 16, last: (6 << 16) + 65_535 }];
    const key = inside(numbers.pick(services), numbers);
    const packets = 1 + Math.floor(numbers.next() ** 4 * 5000);
    yield {
      source: device.address,
      destination: {
        family,
        value: region ? insideWide(numbers.pick(ofFamily(region.addresses, family)), numbers) : stray(family, numbers),
      },
      protocol: protocolOf(key),
      sourcePort: 32_768 + numbers.below(28_232),
      port: portOf(key),
      packets,
      bytes: packets * (60 + numbers.below(1400)),
      at: beginning + numbers.below(month),
    };
  }
}

const ofFamily = (set: { v4: readonly Interval<bigint>[]; v6: readonly Interval<bigint>[] }, family: 4 | 6) =>
  family === 4 ? set.v4 : set.v6;
const isTransport = ({ first, last }: Interval<number>): boolean =>
  protocolOf(first) === protocolOf(last) && hasPorts(protocolOf(first));
const hasTransport = ({ services }: FlowRegion): boolean => services.some(isTransport);
const inside = ({ first, last }: Interval<number>, numbers: Numbers): number => first + numbers.below(last - first + 1);

function insideWide({ first, last }: Interval<bigint>, numbers: Numbers): bigint {
  return first + (BigInt(numbers.below(2 ** 32)) % (last - first + 1n));
}

const stray = (family: 4 | 6, numbers: Numbers): bigint =>
  (family === 4 ? 0x0a00_0000n : 0xfd10n << 112n) + BigInt(numbers.below(2 ** 20));
