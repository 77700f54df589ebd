import {
  AddressPartition,
  families,
  familyOf,
  protocols,
  serviceAlgebra,
  serviceKey,
  splitByProtocol,
  sweep,
  type AddressSet,
  type Interval,
  type PacketSet,
  type PacketSpace,
  type ServiceSet,
} from '#net';
import type { FlowRule, Snapshot } from '#policy';
import { placesOf, type Place } from './places.js';

/**
 * What policy allows devices of one class to send, told from the flow rules alone and without the compiler of port ACLs: both
 * the connections that they open and their replies within connections that others open to them.
 *
 * A port sees addresses, not classes, and single packets, not connections. So there are two sets:
 */
export interface PolicyBounds {
  /** Allowed whoever holds the far address, and a reply that can be told from an opening. Whatever else is permitted is too much. */
  readonly certain: PacketSet;
  /**
   * Allowed if the far address is held by some class that may be there, or if the packet is a reply. Permitting all of it would
   * permit what policy denies as well; what is missing from it is a limit of every port ACL, and is reported.
   */
  readonly possible: PacketSet;
}

/**
 * UDP and SCTP replies are told by their source port alone, so each such port is one from which the device may open connections
 * as well. DESIGN: a media range is tolerable, nearly all ports would be no ACL any more.
 */
const mostReplyPorts = 16_384;

/** `role`: the class whose flow rules hold for the device. */
export function policyBounds(space: PacketSpace, snapshot: Snapshot, role: string): PolicyBounds {
  const asked = new Question(snapshot, role);
  const found: Record<keyof PolicyBounds, PacketSet[]> = { certain: [], possible: [] };
  for (const { addresses, holders } of asked.cells()) {
    const verdicts = holders.map((holder) => asked.judge(holder));
    for (const family of families) {
      const destination = familyOf(addresses, family);
      if (destination.length === 0) continue;
      const packets = ({ opened, replies }: Flows): PacketSet =>
        space.union([
          space.match({ family, destination, services: opened }),
          ...replies.map((reply) => space.match({ family, destination, ...reply })),
        ]);
      const sets = verdicts.map(({ certain, possible }) => ({
        certain: packets(certain),
        possible: packets(possible),
      }));
      found.certain.push(sets.map(({ certain }) => certain).reduce((a, b) => a.intersect(b)));
      found.possible.push(space.union(sets.map(({ possible }) => possible)));
    }
  }
  return { certain: space.union(found.certain), possible: space.union(found.possible) };
}

/** Who may hold an address: the endpoints that contain it, and one class that may be there (null: no device is ever there). */
interface Holder {
  readonly endpoints: readonly string[];
  readonly role: string | null;
}

interface Cell {
  readonly addresses: AddressSet;
  /** At least one. */
  readonly holders: readonly Holder[];
}

interface Reply {
  readonly services: ServiceSet;
  readonly sourcePorts?: readonly Interval<number>[];
  readonly established?: boolean;
}

interface Flows {
  readonly opened: ServiceSet;
  readonly replies: readonly Reply[];
}

class Question {
  private readonly outbound: ReadonlyMap<string, readonly FlowRule[]>;
  private readonly inbound: ReadonlyMap<string, readonly FlowRule[]>;
  private readonly services: ReadonlyMap<string, ServiceSet>;
  private readonly groups: ReadonlyMap<string, readonly string[]>;
  private readonly judged = new Map<string, { certain: Flows; possible: Flows }>();

  constructor(
    private readonly snapshot: Snapshot,
    role: string,
  ) {
    this.groups = new Map(snapshot.classes.map(({ name, ancestors }) => [name, [name, ...ancestors]]));
    const own = new Set(this.groups.get(role));
    const active = snapshot.flowRules.filter((rule) => rule.active);
    this.outbound = Map.groupBy(
      active.filter(({ subject }) => own.has(subject)),
      ({ object }) => object,
    );
    this.inbound = Map.groupBy(
      active.filter(({ object }) => own.has(object)),
      ({ subject }) => subject,
    );
    this.services = new Map(snapshot.applications.map(({ name, services }) => [name, services]));
  }

  /** All addresses, cut where the endpoints that some rule names change, or the classes that may be there. */
  cells(): Cell[] {
    const named = this.snapshot.endpoints.filter(({ name }) => this.outbound.has(name) || this.inbound.has(name));
    const places = placesOf(this.snapshot);
    const partition = new AddressPartition([
      ...named.map(({ addresses }) => addresses),
      ...places.map(({ addresses }) => addresses),
    ]);
    const held: { endpoints: string[]; places: Place[] }[] = Array.from({ length: partition.count }, () => ({
      endpoints: [],
      places: [],
    }));
    const each = (set: number, add: (atom: number) => void): void => {
      for (const { first, last } of partition.atomsOf(set)) for (let atom = first; atom <= last; atom++) add(atom);
    };
    named.forEach(({ name }, i) => each(i, (atom) => held[atom]!.endpoints.push(name)));
    places.forEach((place, i) => each(named.length + i, (atom) => held[atom]!.places.push(place)));
    // Addresses outside every set are named by no rule: nothing is allowed there.
    return held.map(({ endpoints, places }, atom) => {
      const roles = new Set(places.flatMap(({ roles }) => roles));
      const holders = roles.size === 0 ? [{ endpoints, role: null }] : [...roles].map((role) => ({ endpoints, role }));
      return { addresses: partition.addressesOf(atom), holders };
    });
  }

  judge({ endpoints, role }: Holder): { certain: Flows; possible: Flows } {
    const principals = [...endpoints, ...(role === null ? [] : (this.groups.get(role) ?? []))];
    const key = principals.join(' ');
    const known = this.judged.get(key);
    if (known) return known;
    const rules = (index: ReadonlyMap<string, readonly FlowRule[]>) =>
      principals.flatMap((name) => index.get(name) ?? []);
    const opened = serviceAlgebra.normalize(this.allowedParts(rules(this.outbound)).flat());
    const received = this.allowedParts(rules(this.inbound));
    const made = {
      certain: { opened, replies: received.flatMap((part) => replies(part, true)) },
      possible: { opened, replies: received.flatMap((part) => replies(part, false)) },
    };
    this.judged.set(key, made);
    return made;
  }

  /** Services that are allowed and not denied, in parts that the same rules allow. */
  private allowedParts(rules: readonly FlowRule[]): ServiceSet[] {
    const lists = rules.map(({ application }) => this.services.get(application) ?? []);
    const parts = new Map<string, Interval<number>[]>();
    for (const { first, last, members } of sweep(lists, 1)) {
      if (members.some((i) => rules[i]!.effect === 'deny')) continue;
      const key = members.join(' ');
      const part = parts.get(key) ?? [];
      parts.set(key, part);
      part.push({ first, last });
    }
    return [...parts.values()].map((part) => serviceAlgebra.normalize(part));
  }
}

const echoes: ReadonlyMap<number, readonly [request: number, reply: number]> = new Map([
  [protocols.icmp, [8, 0]],
  [protocols.icmp6, [128, 129]],
]);

/** The device's packets within connections that were opened to these services of it. */
function replies(services: ServiceSet, onlyTold: boolean): Reply[] {
  const parts = services.flatMap(splitByProtocol);
  const stateless = parts.filter(({ protocol }) => protocol === protocols.udp || protocol === protocols.sctp);
  const width = stateless.reduce((sum, { ports }) => sum + (ports ? ports.last - ports.first + 1 : 0x1_0000), 0);
  return parts.flatMap(({ protocol, ports }): Reply[] => {
    const all = { services: wholeProtocol(protocol) };
    const from = ports ? { sourcePorts: [ports] } : {};
    if (protocol === protocols.tcp) return [{ ...all, ...from, established: true }];
    if (protocol === protocols.udp || protocol === protocols.sctp)
      return onlyTold && (!ports || width > mostReplyPorts) ? [] : [{ ...all, ...from }];
    const echo = echoes.get(protocol);
    if (!echo) return onlyTold ? [] : [all];
    const [request, reply] = echo;
    const answers = !ports || (ports.first <= request && request <= ports.last);
    return answers ? [{ services: [{ first: serviceKey(protocol, reply), last: serviceKey(protocol, reply) }] }] : [];
  });
}

const wholeProtocol = (protocol: number): ServiceSet => [
  { first: serviceKey(protocol, 0), last: serviceKey(protocol, 0xffff) },
];
