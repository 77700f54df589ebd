import {
  addressSet,
  allAddresses,
  families,
  familyOf,
  formatAddress,
  intersectAddresses,
  isEmptyAddressSet,
  parseAddress,
  sweep,
  type Address,
  type AddressSet,
} from '#net';
import { indexOf, principalsOf, type PacketSide } from '../decide.js';
import { usualLadders } from '../ladder.js';
import { builtIn, type Policy, type Whereabouts } from '../policy.js';
import { criticalPlaces } from '../server-down.js';
import type { DeviceClass, Endpoint, Snapshot } from '../snapshot.js';
import { Placement, type Placed } from './placement.js';
import type { Stretch } from './timeline.js';

/** Every address. No endpoint has this name. */
const everyAddress = '*';

/** One end of a question: a name that `judge` knows, and what stands for it in messages. */
export interface End {
  readonly label: string;
  readonly shown: string;
  /** The device that gets this role; null where a class is judged as itself. */
  readonly placed: Placed | null;
}

/** What an end speaks of. */
export interface Scope {
  /** A class stands for all below it. */
  readonly below: boolean;
  /** What devices of a class count as in other segments, too: always under `where`, and for `never`. */
  readonly roles: boolean;
  readonly where: Whereabouts | null;
}

/**
 * All packets that there are, as names that `judge` takes. Its own names are classes and addresses, each for itself. Rules
 * join both: a device counts as its class and as every endpoint that contains its address. So the snapshot gets one class
 * more for each role and set of endpoints in which the addresses of its segments lie, one endpoint for every address that
 * a test names, and one for all addresses. No rule names these, so that verdicts stay what they are.
 */
export class Universe {
  readonly placement: Placement;
  private readonly base: Snapshot;
  /** Of the classes made for a role at an address. */
  private readonly sides = new Map<string, PacketSide>();
  private readonly principals = new Map<string, ReadonlySet<string>>();
  private readonly labelsAt = new Map<string, readonly string[]>();
  private readonly endpointNames: ReadonlySet<string>;
  private readonly reach = new WeakMap<Snapshot, Map<string, ReadonlySet<string>>>();
  private readonly snapshots = new WeakMap<Stretch, Map<string, Snapshot>>();

  constructor(
    private readonly policy: Policy,
    snapshot: Snapshot,
  ) {
    this.placement = new Placement(policy);
    const named = new Set(namesInTests(policy));
    const single = [...named].flatMap((name) => {
      const address = parseAddress(name);
      return address ? [endpointOf(name, addressSet([{ ...address, first: address.value, last: address.value }]))] : [];
    });
    const endpoints = [...snapshot.endpoints, ...single, endpointOf(everyAddress, allAddresses)];
    this.endpointNames = new Set(endpoints.map(({ name }) => name));
    for (const { subject, object } of snapshot.flowRules) named.add(subject).add(object);
    const joined = { ...snapshot, endpoints };
    this.base = { ...joined, classes: [...snapshot.classes, ...this.makePlaces(joined, named)] };
  }

  /** The policy in a stretch of time: exactly in a period, else the most open or the most closed that any of it can be. */
  at(stretch: Stretch, lean: 'open' | 'closed'): Snapshot {
    const key = stretch.always === stretch.ever ? 'exact' : lean;
    const known = this.snapshots.get(stretch) ?? new Map<string, Snapshot>();
    this.snapshots.set(stretch, known);
    const before = known.get(key);
    if (before) return before;
    const flowRules = this.base.flowRules.map((rule) => {
      const conditions = (rule.effect === 'allow') === (lean === 'open') ? stretch.ever : stretch.always;
      return { ...rule, active: conditions.has(rule.when) };
    });
    const made = { ...this.base, flowRules };
    known.set(key, made);
    return made;
  }

  /** What a label is on the wire; null for an endpoint, which is no single packet's side. */
  sideOf(label: string): PacketSide | null {
    const place = this.sides.get(label);
    if (place) return place;
    if (this.policy.classes.has(label)) return { class: label };
    const address = parseAddress(label);
    return address && { address };
  }

  /** Whether a label is of a device at a certain address. */
  isPlace(label: string): boolean {
    return this.sides.has(label);
  }

  principalsOf(label: string): ReadonlySet<string> {
    const known = this.principals.get(label) ?? principalsOf(this.base, this.sideOf(label) ?? {});
    this.principals.set(label, known);
    return known;
  }

  /** False when no rule in force allows anything between two labels: most pairs of classes need no closer look. */
  couldPass(snapshot: Snapshot, from: string, to: string): boolean {
    const known = this.reach.get(snapshot) ?? new Map<string, ReadonlySet<string>>();
    this.reach.set(snapshot, known);
    const objects = known.get(from) ?? this.allowedObjects(snapshot, from);
    known.set(from, objects);
    return [...this.atMost(to)].some((name) => objects.has(name));
  }

  private allowedObjects(snapshot: Snapshot, from: string): ReadonlySet<string> {
    const { bySubject } = indexOf(snapshot);
    const rules = [...this.atMost(from)].flatMap((subject) => bySubject.get(subject) ?? []);
    return new Set(rules.filter(({ effect }) => effect === 'allow').map(({ object }) => object));
  }

  /** All that any packet of a label can count as. */
  private atMost(label: string): ReadonlySet<string> {
    return this.sideOf(label) ? this.principalsOf(label) : this.endpointNames;
  }

  /** What a name stands for in a stretch of time, each label once. */
  ends(name: string, scope: Scope, stretch: Stretch): End[] {
    const found: End[] = [];
    if (this.policy.classes.has(name)) {
      const members = scope.below ? this.policy.principalTree.members(name) : [name];
      for (const member of members) found.push(...this.devices(member, scope, stretch));
    } else if (name === builtIn.anyone) {
      for (const device of this.policy.classes.keys()) found.push(...this.devices(device, scope, stretch));
      found.push({ label: everyAddress, shown: name, placed: null });
    } else {
      found.push({ label: name, shown: name, placed: null });
      for (const [label, { class: role }] of this.sides)
        if (this.principalsOf(label).has(name)) found.push({ label, shown: role!, placed: null });
    }
    const once = new Map<string, End>();
    for (const end of found) if (!once.has(end.label)) once.set(end.label, end);
    return [...once.values()];
  }

  private devices(device: string, scope: Scope, stretch: Stretch): End[] {
    const own: End[] = [];
    if (scope.where === null) {
      own.push({ label: device, shown: device, placed: null });
      for (const [label, side] of this.sides)
        if (side.class === device) own.push({ label, shown: device, placed: null });
      if (!scope.roles) return own;
    }
    const questions = this.placement.questions([device], scope.where);
    const roles = this.placement.placed(questions, stretch).flatMap((placed): End[] => {
      const shown = placed.grant.role;
      const labels = [shown, ...(this.labelsAt.get(spotOf(placed)) ?? [])];
      return labels.map((label) => ({ label, shown, placed }));
    });
    return [...own, ...roles];
  }

  /** A class for each role and each set of endpoints in which its devices' addresses may lie. Most policies need none. */
  private makePlaces(snapshot: Snapshot, named: ReadonlySet<string>): DeviceClass[] {
    const endpoints = snapshot.endpoints.filter(({ name }) => named.has(name));
    const cuts = new Map<string, readonly Address[]>();
    for (const { name, sites } of this.policy.segments.values()) {
      for (const { site, prefixes } of sites) {
        const addresses = cut(prefixes, endpoints);
        if (addresses.length > 0) cuts.set(`${name} ${site}`, addresses);
      }
    }
    if (cuts.size === 0) return [];
    // Switches place devices by themselves, too; which classes these are of nobody knows.
    for (const { role, segment } of criticalPlaces(this.policy.nas))
      for (const { site } of this.policy.segments.get(segment)?.sites ?? [])
        for (const address of cuts.get(`${segment} ${site}`) ?? [])
          this.sides.set(`${role} at ${formatAddress(address)}`, { class: role, address });
    const questions = this.placement.questions(this.policy.classes.keys(), null);
    for (const placed of this.placement.placed(questions, this.placement.anyTime)) {
      const role = placed.grant.role;
      const addresses = cuts.get(`${placed.grant.segment} ${placed.segment.site}`) ?? [];
      const places = addresses.map(
        (address) => [`${role} at ${formatAddress(address)}`, { class: role, address }] as const,
      );
      for (const [label, side] of places) this.sides.set(label, side);
      this.labelsAt.set(
        spotOf(placed),
        places.map(([label]) => label),
      );
    }
    return [...this.sides].map(([name, side]) => ({
      name,
      ancestors: [...principalsOf(snapshot, side)],
      parents: [],
      description: '',
      criticality: 'standard',
      dynamicAuthorization: usualLadders.standard,
    }));
  }
}

const spotOf = ({ grant, segment }: Placed): string => `${grant.role} ${grant.segment} ${segment.site}`;

const endpointOf = (name: string, addresses: AddressSet): Endpoint => ({
  name,
  addresses,
  ancestors: [],
  parents: [],
  description: '',
});

function namesInTests({ tests, invariants }: Policy): string[] {
  const asked = tests.flatMap((test) => (test.kind === 'flow' ? [test.from, test.to] : []));
  const claimed = invariants.flatMap((one) =>
    one.about === 'flows' ? [...one.from, ...one.to, ...one.except.from, ...one.except.to] : [],
  );
  return [...asked, ...claimed];
}

/** One address for each set of endpoints that parts of the prefixes lie in. */
function cut(prefixes: AddressSet, endpoints: readonly Endpoint[]): Address[] {
  const touching = endpoints
    .map(({ addresses }) => intersectAddresses(prefixes, addresses))
    .filter((addresses) => !isEmptyAddressSet(addresses));
  return families.flatMap((family) => {
    const found = new Map<string, Address>();
    for (const { first, members } of sweep(
      touching.map((addresses) => familyOf(addresses, family)),
      1n,
    )) {
      const key = members.join(' ');
      if (!found.has(key)) found.set(key, { family, value: first });
    }
    return [...found.values()];
  });
}
