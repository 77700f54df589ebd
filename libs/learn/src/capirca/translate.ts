import type { Diagnostic } from '#base';
import {
  addressSet,
  allAddresses,
  families,
  familyOf,
  formatServices,
  intersectAddresses,
  isEmptyAddressSet,
  noAddresses,
  protocols,
  serviceAlgebra,
  serviceKey,
  subtractAddresses,
  unionAddresses,
  type AddressSet,
  type Family,
  type PacketPart,
  type PacketSet,
  type PacketSpace,
  type ServiceSet,
} from '#net';
import { finding, type CapircaCode } from './codes.js';
import { isWithin, uniteAddresses } from './definitions.js';
import { addressesOfSide, isEveryPort, packetsOf, withPorts } from './meaning.js';
import { wholeProtocol } from './protocols.js';
import type { Filter, NamedAddresses, Term, TermSide } from './term.js';

/** Who is on one side of a rule. */
export type CarriedEnd = { readonly class: string } | NamedAddresses;

/** What a term accepts, as one rule line says it. */
export interface CarriedFlow {
  readonly subject: CarriedEnd;
  readonly object: CarriedEnd;
  readonly services: ServiceSet;
  readonly serviceLabel: string | null;
  readonly term: Term;
}

/** A term that is not carried, or not all of it. */
export interface LeftOutTerm {
  readonly term: Term;
  readonly part: 'all' | 'some';
  readonly why: Diagnostic;
  /** The packets that it is about. */
  readonly packets: PacketSet;
}

export interface CapircaTranslation {
  readonly flows: readonly CarriedFlow[];
  readonly leftOut: readonly LeftOutTerm[];
  /** Terms that let answers pass: policy does so by itself. */
  readonly answers: readonly Term[];
  readonly notes: readonly Diagnostic[];
}

/** What addresses are, where devices are. */
export interface DevicePlaces {
  /** Addresses of device segments: who is there is told by class, never by address. */
  readonly segments: AddressSet;
  /** Classes that were named, and where their devices are. */
  readonly classes: ReadonlyMap<string, AddressSet>;
}

/** Lines that the names of one term may make; more names are taken together. */
const mostLines = 24;
/** Parts that a term may be cut into. */
const mostParts = 64;

/**
 * What a filter accepts, as flows that policy can say: nothing but allows, so that their order means nothing. What earlier terms deny is
 * taken out of those below. Names of endpoints and applications are chosen elsewhere.
 */
export function translateFilter(space: PacketSpace, filter: Filter, places: DevicePlaces): CapircaTranslation {
  return new FilterTranslator(space, filter, places).translate();
}

/** A product of ends and services. */
interface Box {
  readonly sources: readonly NamedAddresses[];
  readonly destinations: readonly NamedAddresses[];
  readonly services: ServiceSet;
}

interface Sided {
  readonly ends: readonly CarriedEnd[];
  /** Addresses of devices of which no class is named, or not all of it. */
  readonly left: AddressSet;
}

class FilterTranslator {
  private readonly flows: CarriedFlow[] = [];
  private readonly leftOut: LeftOutTerm[] = [];
  private readonly answers: Term[] = [];
  private readonly notes: Diagnostic[] = [];
  private readonly devices: AddressSet;
  /** Denies that end, and whether anything was taken out for them. */
  private readonly dated = new Map<Term, { readonly packets: PacketSet; isUsed: boolean }>();

  constructor(
    private readonly space: PacketSpace,
    private readonly filter: Filter,
    private readonly places: DevicePlaces,
  ) {
    this.devices = uniteAddresses([places.segments, ...places.classes.values()]);
  }

  translate(): CapircaTranslation {
    let closed = this.space.none;
    for (const term of this.filter.terms) {
      if (term.action === 'next') continue;
      const packets = packetsOf(this.space, term.match);
      if (term.match.isEstablished) this.takeAnswers(term);
      else if (packets.isEmpty) this.note(term, 'capirca-no-packet', 'matches no packet', 'nothing to do');
      else if (term.action === 'accept') this.accept(term, packets, closed);
      else {
        this.reportVague(term, packets);
        if (term.until !== null) this.dated.set(term, { packets, isUsed: false });
        closed = closed.union(packets);
      }
    }
    for (const [term, { packets, isUsed }] of this.dated) {
      const summary = `it ends with ${term.until}, and what it denies is not carried after that either`;
      const hint = 'import again then, or --skip it if it is not needed now';
      if (isUsed) this.leave(term, packets, 'capirca-dated-deny', summary, hint, 'some');
    }
    const { flows, leftOut, answers, notes } = this;
    return { flows, leftOut, answers, notes };
  }

  private takeAnswers(term: Term): void {
    if (term.action === 'accept') return void this.answers.push(term);
    const hint = 'write no allow for connections whose answers may not come';
    this.leave(term, this.space.none, 'capirca-denied-answers', 'it denies answers, which policy lets pass', hint);
  }

  private reportVague(term: Term, packets: PacketSet): void {
    const disregard = `see what it denies; --skip ${term.name} takes the terms below it as if it were not there`;
    if (term.action === 'unclear')
      this.leave(
        term,
        packets,
        'capirca-no-action',
        'what it does is said elsewhere: nothing that it matches is carried below',
        disregard,
      );
    else if (term.unsaid) {
      const summary = `${term.unsaid.summary}: nothing that it may deny is carried below`;
      this.leave(term, packets, 'capirca-vague-deny', summary, disregard);
    }
  }

  private accept(term: Term, packets: PacketSet, closed: PacketSet): void {
    const { match, unsaid } = term;
    if (unsaid) {
      this.leftOut.push({ term, part: 'all', why: unsaid, packets });
      return;
    }
    if (match.sourcePorts && !isEveryPort(match.sourcePorts)) {
      const summary = 'it has a condition on the source port, and policy can say the port of the service only';
      this.leave(term, packets, 'capirca-source-port', summary, 'write a rule by hand if any source port will do');
      return;
    }
    for (const deny of this.dated.values()) if (deny.packets.meets(packets)) deny.isUsed = true;
    const own = match.eitherPorts ? this.withServicePorts(term, packets) : packets;
    const carried = own.subtract(closed);
    if (carried.isEmpty)
      return this.note(term, 'capirca-overlaid', 'accepts nothing that earlier terms do not deny', 'nothing to do');
    const isCut = !carried.equals(own);
    if (isCut)
      this.note(term, 'capirca-cut', 'is carried without what earlier terms deny', 'see the endpoints of its rules');
    const boxes = isCut || match.either ? this.boxesOfParts(term, carried) : boxesOfNames(term);
    if (boxes.length === 0) return;
    if (boxes.length > mostParts) {
      const summary = `what earlier terms leave of it has ${boxes.length} parts`;
      this.leave(term, carried, 'capirca-too-many-parts', summary, 'write it by hand, or --skip the denies above it');
      return;
    }
    this.carry(term, boxes, carried);
  }

  /** A port at either side: what has it at the side of the service. */
  private withServicePorts(term: Term, packets: PacketSet): PacketSet {
    const { services, eitherPorts } = term.match;
    const own = packets.intersect(this.space.match({ services: withPorts(services, eitherPorts!) }));
    const summary = '`port` is the source port, too, and policy can say the port of the service only';
    this.leave(term, packets.subtract(own), 'capirca-source-port', summary, 'nothing, if it is about answers', 'some');
    return own;
  }

  private carry(term: Term, boxes: readonly Box[], carried: PacketSet): void {
    let left: PacketSet = this.space.none;
    const before = this.flows.length;
    for (const { sources, destinations, services } of boxes) {
      const [from, to] = [sources, destinations].map((side) => side.map((one) => this.endsOf(one)));
      left = left.union(this.at('source', from!)).union(this.at('destination', to!));
      const label = term.match.serviceLabel;
      for (const subject of from!.flatMap(({ ends }) => ends))
        for (const object of to!.flatMap(({ ends }) => ends)) {
          const flow = { subject, object, services, serviceLabel: label, term };
          const inBoth = this.inSameFamilies(flow);
          if (inBoth === null) left = left.union(this.between(subject, object));
          else if (inBoth !== 'nothing') this.flows.push(inBoth);
        }
    }
    const missing = carried.intersect(left);
    if (missing.isEmpty) return;
    const part = this.flows.length === before ? 'all' : 'some';
    const summary = 'it covers addresses of devices, who are told by class';
    const hint = 'say with --class NETWORK=CLASS where devices of a class are, or write rules by hand';
    this.leave(term, missing, 'capirca-covers-devices', summary, hint, part);
  }

  /** Classes whose devices are all on this side, and addresses that are of no device. */
  private endsOf({ label, addresses }: NamedAddresses): Sided {
    const ends: CarriedEnd[] = [];
    let left = intersectAddresses(addresses, this.devices);
    for (const [name, place] of this.places.classes) {
      if (!isWithin(place, addresses)) continue;
      ends.push({ class: name });
      left = subtractAddresses(left, place);
    }
    const others = subtractAddresses(addresses, this.devices);
    if (!isEmptyAddressSet(others)) ends.push({ label, addresses: others });
    return { ends, left };
  }

  /**
   * A rule about a class holds in both IP versions; where the devices have only one in the filter, the other end must not have the other
   * one. Null: that can't be said.
   */
  private inSameFamilies(flow: CarriedFlow): CarriedFlow | 'nothing' | null {
    const [subject, object] = [flow.subject, flow.object].map((end) => this.placeOf(end));
    const common = families.filter((family) => hasFamily(subject!, family) && hasFamily(object!, family));
    if (common.length === 0) return 'nothing';
    const count = [flow.subject, flow.object].filter((end) => 'class' in end).length;
    if (count === 0) return flow;
    if (count === 2) return common.length === families.length ? flow : null;
    const cut = (end: CarriedEnd): CarriedEnd => ('class' in end ? end : inFamilies(end, common));
    return { ...flow, subject: cut(flow.subject), object: cut(flow.object) };
  }

  private placeOf(end: CarriedEnd): AddressSet {
    return 'class' in end ? this.places.classes.get(end.class)! : end.addresses;
  }

  private at(side: 'source' | 'destination', sided: readonly Sided[]): PacketSet {
    const left = uniteAddresses(sided.map((one) => one.left));
    return this.space.union(families.map((family) => this.space.match({ family, [side]: familyOf(left, family) })));
  }

  private between(subject: CarriedEnd, object: CarriedEnd): PacketSet {
    const [source, destination] = [this.placeOf(subject), this.placeOf(object)];
    return this.space.union(
      families.map((family) =>
        this.space.match({ family, source: familyOf(source, family), destination: familyOf(destination, family) }),
      ),
    );
  }

  /** Parts of IPv4 and IPv6 for the same services are one box: no packet is of both. */
  private boxesOfParts(term: Term, carried: PacketSet): Box[] {
    const [whole, bySourcePort] = splitParts(carried);
    if (bySourcePort.length > 0) {
      const packets = this.space.union(bySourcePort.map((part) => this.packetsOfPart(part)));
      const summary = 'earlier terms deny some source ports of it, and policy can say the port of the service only';
      const part = whole.length === 0 ? 'all' : 'some';
      this.leave(
        term,
        packets,
        'capirca-source-port',
        summary,
        'write it by hand, or --skip the denies above it',
        part,
      );
    }
    const alike = Map.groupBy(whole, ({ services }) => formatServices(services));
    return [...alike.values()].flatMap((some) => {
      const [v4, v6] = families.map((family) => some.filter((part) => part.family === family));
      return Array.from({ length: Math.max(v4!.length, v6!.length) }, (_, i): Box => {
        const both = [v4![i], v6![i]].filter((part) => part !== undefined);
        const end = (side: 'source' | 'destination'): NamedAddresses[] => {
          const addresses = uniteAddresses(both.map((part) => addressesOf(part, side)));
          return [nameOfEnd(term, side, addresses)];
        };
        return { sources: end('source'), destinations: end('destination'), services: both[0]!.services };
      });
    });
  }

  private packetsOfPart({ family, services, sourcePorts, source, destination }: PacketPart): PacketSet {
    return this.space.match({ family, services, source, destination, ...(sourcePorts ? { sourcePorts } : {}) });
  }

  private leave(
    term: Term,
    packets: PacketSet,
    code: CapircaCode,
    summary: string,
    hint: string,
    part: LeftOutTerm['part'] = 'all',
  ): void {
    this.leftOut.push({ term, part, why: finding(code, summary, hint, term.span), packets });
  }

  private note(term: Term, code: CapircaCode, what: string, hint: string): void {
    this.notes.push(finding(code, `term \`${term.name}\` of \`${term.filter}\` ${what}`, hint, term.span));
  }
}

/** Those for any source port, and those for some. */
function splitParts(packets: PacketSet): [PacketPart[], PacketPart[]] {
  const parts = packets.parts().map((part) => ({ ...part, services: roundServices(part) }));
  return [
    parts.filter(({ sourcePorts }) => sourcePorts === null),
    parts.filter(({ sourcePorts }) => sourcePorts !== null),
  ];
}

/** There is no ICMP of one IP version in the other: services around it are told without the gap. */
function roundServices({ family, services }: PacketPart): ServiceSet {
  const other = family === 4 ? protocols.icmp6 : protocols.icmp;
  const around = [serviceKey(other, 0) - 1, serviceKey(other, 0xffff) + 1];
  return around.every((key) => serviceAlgebra.contains(services, key))
    ? serviceAlgebra.union(services, wholeProtocol(other))
    : services;
}

const hasFamily = (addresses: AddressSet, family: Family): boolean => familyOf(addresses, family).length > 0;

/** What is left of the addresses has another name. */
function inFamilies({ label, addresses }: NamedAddresses, some: readonly Family[]): NamedAddresses {
  const [only, ...more] = some;
  const isCut = more.length === 0 && only !== undefined && families.every((family) => hasFamily(addresses, family));
  const left = { v4: some.includes(4) ? addresses.v4 : [], v6: some.includes(6) ? addresses.v6 : [] };
  return { label: isCut ? `${label}-ipv${only}` : label, addresses: left };
}

const addressesOf = (part: PacketPart, side: 'source' | 'destination'): AddressSet =>
  addressSet(part[side].map(({ first, last }) => ({ family: part.family, first, last })));

/** What a whole side is called, if the addresses are all that the term names. */
function nameOfEnd(term: Term, side: 'source' | 'destination', addresses: AddressSet): NamedAddresses {
  const named = sideOfNames(term, side);
  const whole = uniteAddresses(named.map((one) => one.addresses));
  const isWhole = named.length === 1 && isWithin(whole, addresses) && isWithin(addresses, whole);
  return { label: isWhole ? named[0]!.label : `${term.filter}-${side}`, addresses };
}

/** A term that nothing is taken of: a line for each of its names. */
function boxesOfNames(term: Term): Box[] {
  const { services, eitherPorts } = term.match;
  let [sources, destinations] = [sideOfNames(term, 'source'), sideOfNames(term, 'destination')];
  if (sources.length * destinations.length > mostLines) {
    sources = [together(`${term.name}-source`, sources)];
    destinations = [together(`${term.name}-destination`, destinations)];
  }
  return [{ sources, destinations, services: eitherPorts ? withPorts(services, eitherPorts) : services }];
}

function sideOfNames({ match }: Term, end: 'source' | 'destination'): NamedAddresses[] {
  const place = end === 'source' ? match.before : match.behind;
  return namesOfSide(match[end])
    .map((one) => (place ? within(one, place) : one))
    .map((one) => inFamilies(one, match.families))
    .filter(({ addresses }) => !isEmptyAddressSet(addresses));
}

function namesOfSide(side: TermSide | null): readonly NamedAddresses[] {
  if (side === null) return [anywhere];
  if (side.without.length === 0) return side.names;
  const named = side.names.length > 0 ? side.names : [anywhere];
  const labels = [named, side.without].map((some) => some.map(({ label }) => label).join('-'));
  return [{ label: labels.join('-without-'), addresses: addressesOfSide(side) }];
}

const anywhere: NamedAddresses = { label: 'anywhere', addresses: allAddresses };

function within(one: NamedAddresses, place: NamedAddresses): NamedAddresses {
  if (isWithin(one.addresses, place.addresses)) return one;
  if (isWithin(place.addresses, one.addresses)) return place;
  const addresses = intersectAddresses(one.addresses, place.addresses);
  return { label: `${one.label}-in-${place.label}`, addresses };
}

const together = (label: string, all: readonly NamedAddresses[]): NamedAddresses => ({
  label: all.length === 1 ? all[0]!.label : label,
  addresses: all.reduce((sum, { addresses }) => unionAddresses(sum, addresses), noAddresses),
});
