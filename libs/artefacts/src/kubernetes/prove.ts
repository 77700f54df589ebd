import type { Diagnostic } from '#base';
import { parsePolicies, type ParsedPolicy, type ParsedRule } from '#drivers';
import type { EnforcementState, FlowEntry, FlowSide, Workload } from '#model';
import {
  addressAlgebra,
  addressSet,
  anyService,
  families,
  familyOf,
  formatAddress,
  formatServices,
  hasAddress,
  hasPorts,
  joinedCells,
  maxOf,
  parseAddress,
  protocols,
  rangeOfPrefix,
  serviceAlgebra,
  serviceKey,
  splitByProtocol,
  type AddressRange,
  type AddressSet,
  type Family,
  type Interval,
  type ServiceSet,
} from '#net';
import { differs } from '../nftables/prove.js';

/*
 * NetworkPolicies hold the devices themselves, so they are proved for a state and not for all memberships at once. It is exact all the
 * same: for the pods of each workload and each direction all addresses are cut into cells that neither the policies nor the rules tell
 * apart; a device is a cell of its own where that makes a difference. Cells with the same policies and rules are one case, whoever
 * many they are, and in each case all services are compared at once, as sets.
 *
 * What is compared is what the invariant of `EnforcementRules` says of pods, which are known by all addresses of their workload
 * together: a line that allows counts when it holds for each of them, one that denies when it holds for one.
 */

type Direction = keyof ParsedPolicy['opens'];
const directions: readonly Direction[] = ['from', 'to'];

/** Nothing listens on port 0 and no NetworkPolicy can name it: what policy allows there may be missing. */
const portZero: ServiceSet = [protocols.tcp, protocols.udp, protocols.sctp].map((protocol) => {
  const key = serviceKey(protocol, 0);
  return { first: key, last: key };
});

/** Null: these NetworkPolicies, and no others, let pass exactly what the state says. A difference is named by a packet. */
export function provePolicies(state: EnforcementState, text: string): Diagnostic | null {
  try {
    return compare(state, parsePolicies(text));
  } catch (error) {
    // What the reader does not know can't be proved.
    return differs(`it is not understood: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function compare(state: EnforcementState, policies: readonly ParsedPolicy[]): Diagnostic | null {
  const { workloads } = state.rules;
  const known = new Set(workloads.map(keyOf));
  for (const policy of policies) {
    if (policy.foreign.length > 0) return differs(`\`${policy.name}\` is not understood: ${policy.foreign[0]}`);
    if (!policy.selectsService) return differs(`\`${policy.name}\` selects other pods than those of its service`);
    if (!known.has(keyOf(policy))) return differs(`\`${policy.name}\` is about a service that policy does not know`);
  }
  const members = membersOf(state);
  for (const workload of workloads) {
    const own = policies.filter((policy) => keyOf(policy) === keyOf(workload));
    const locals = members.at(workload);
    for (const direction of directions)
      for (const family of families) {
        const found = differenceAt({ state, members, locals, workload, direction, family }, own);
        if (found) return differs(found);
      }
  }
  return null;
}

const keyOf = ({ namespace, service }: { readonly namespace: string; readonly service: string }): string =>
  `${namespace}/${service}`;

/** Class → addresses of its devices. */
class Members {
  private readonly sets = new Map<FlowSide, AddressSet>();

  constructor(private readonly addresses: ReadonlyMap<string, readonly AddressRange[]>) {}

  rangesOf(side: FlowSide, family: Family): readonly Interval<bigint>[] {
    if (side.kind === 'addresses') return familyOf(side.addresses, family);
    const set = this.sets.get(side) ?? addressSet(side.classes.flatMap((name) => this.addresses.get(name) ?? []));
    this.sets.set(side, set);
    return familyOf(set, family);
  }

  /** Those alone that have an address of this workload's: next to never any. */
  at({ addresses }: Workload): Members {
    const within = ({ family, first }: AddressRange): boolean => hasAddress(addresses, { family, value: first });
    return new Members(new Map([...this.addresses].map(([name, ranges]) => [name, ranges.filter(within)])));
  }
}

function membersOf({ membership }: EnforcementState): Members {
  const host = (text: string): AddressRange[] => {
    const address = parseAddress(text);
    return address ? [{ family: address.family, first: address.value, last: address.value }] : [];
  };
  return new Members(new Map([...membership].map(([name, members]) => [name, [...members].flatMap(host)])));
}

interface Case {
  readonly state: EnforcementState;
  readonly members: Members;
  readonly locals: Members;
  readonly workload: Workload;
  readonly direction: Direction;
  readonly family: Family;
}

function differenceAt(of: Case, policies: readonly ParsedPolicy[]): string | null {
  const { state, members, workload, direction, family } = of;
  const own = familyOf(workload.addresses, family);
  const scope = familyOf(state.rules.scope, family);
  const isInScope = addressAlgebra.intersect(own, scope).length > 0;
  const entries = state.rules.entries.filter((entry) => holdsAt(of, entry));
  const peers = entries.map((entry) =>
    members.rangesOf(direction === 'from' ? entry.source : entry.destination, family),
  );
  const closing = policies.filter(({ opens }) => opens[direction] !== null);
  const rules = closing.flatMap(({ opens }) => opens[direction] ?? []);
  const everything = [{ first: 0n, last: maxOf(family) }];
  const lists = [everything, scope, ...peers, ...rules.map((rule) => blocksOf(rule, family))];
  for (const cell of joinedCells(lists, 1n)) {
    const covering = new Set(cell.members);
    const isJudged = isInScope || covering.has(1);
    const intended = isJudged ? permittedBy(entries.filter((_, i) => covering.has(2 + i))) : anyService;
    const opening = rules.filter((_, i) => covering.has(2 + entries.length + i));
    const actual = closing.length === 0 ? anyService : serviceAlgebra.normalize(opening.flatMap(servicesOf));
    const tooMuch = serviceAlgebra.subtract(actual, intended);
    const tooLittle = serviceAlgebra.subtract(serviceAlgebra.subtract(intended, actual), portZero);
    const [wrong, what] =
      tooMuch.length > 0
        ? [tooMuch, 'the NetworkPolicies pass it, policy does not']
        : [tooLittle, 'policy passes it, the NetworkPolicies do not'];
    if (wrong.length > 0) return `${describe(of, cell.parts[0]!.first, wrong)}: ${what}`;
  }
  return null;
}

function describe({ workload, direction, family }: Case, value: bigint, services: ServiceSet): string {
  const [part] = splitByProtocol(services[0]!);
  const { protocol, ports } = part!;
  const first = serviceKey(protocol, ports?.first ?? (hasPorts(protocol) ? 1 : 0));
  const packet = formatServices([{ first, last: first }]);
  const peer = formatAddress({ family, value });
  const pods = `the pods of service \`${keyOf(workload)}\``;
  return direction === 'from' ? `${packet} from ${peer} to ${pods}` : `${packet} from ${pods} to ${peer}`;
}

/** Whether a line is about this workload's pods, at their end. */
function holdsAt(of: Case, { action, source, destination }: FlowEntry): boolean {
  const own = familyOf(of.workload.addresses, of.family);
  const within = addressAlgebra.intersect(
    own,
    of.locals.rangesOf(of.direction === 'from' ? destination : source, of.family),
  );
  return action === 'deny' ? within.length > 0 : own.length > 0 && addressAlgebra.isSubset(own, within);
}

function permittedBy(entries: readonly FlowEntry[]): ServiceSet {
  const of = (action: FlowEntry['action']): ServiceSet =>
    serviceAlgebra.normalize(entries.filter((entry) => entry.action === action).flatMap(({ services }) => services));
  return serviceAlgebra.subtract(of('allow'), of('deny'));
}

function blocksOf({ peers }: ParsedRule, family: Family): readonly Interval<bigint>[] {
  const ranges = peers
    .filter(({ cidr }) => cidr.family === family)
    .flatMap(({ cidr, except }) => {
      const without = addressSet(except.map(rangeOfPrefix));
      return addressAlgebra.subtract([rangeOfPrefix(cidr)], familyOf(without, family));
    });
  return addressAlgebra.normalize(ranges);
}

const servicesOf = ({ ports }: ParsedRule): ServiceSet =>
  ports?.map(({ protocol, ports: range }) => ({
    first: serviceKey(protocol, range?.first ?? 0),
    last: serviceKey(protocol, range?.last ?? 0xffff),
  })) ?? anyService;
