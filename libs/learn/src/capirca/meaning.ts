import {
  allAddresses,
  familyOf,
  serviceAlgebra,
  serviceKey,
  splitByProtocol,
  subtractAddresses,
  type AddressSet,
  type Family,
  type Interval,
  type PacketSet,
  type PacketSpace,
  type ServiceSet,
} from '#net';
import { uniteAddresses } from './definitions.js';
import { isInForce, type Filter, type NamedAddresses, type Term, type TermMatch, type TermSide } from './term.js';

/** Addresses that a side stands for. */
export function addressesOfSide(side: TermSide | null): AddressSet {
  if (side === null) return allAddresses;
  const all = side.names.length > 0 ? uniteAddresses(side.names.map(({ addresses }) => addresses)) : allAddresses;
  return subtractAddresses(all, uniteAddresses(side.without.map(({ addresses }) => addresses)));
}

/** All packets that a term can match. Whether a connection is open already is not looked at. */
export function packetsOf(space: PacketSpace, match: TermMatch): PacketSet {
  return space.union(match.families.map((family) => packetsIn(space, match, family)));
}

function packetsIn(space: PacketSpace, match: TermMatch, family: Family): PacketSet {
  return ends(space, match, family).intersect(ports(space, match));
}

function ends(space: PacketSpace, match: TermMatch, family: Family): PacketSet {
  const of = (side: TermSide | null) => familyOf(addressesOfSide(side), family);
  const at = (place: NamedAddresses | null) => familyOf(place?.addresses ?? allAddresses, family);
  const both = space
    .match({ family, source: of(match.source), destination: of(match.destination) })
    .intersect(space.match({ family, source: at(match.before), destination: at(match.behind) }));
  if (!match.either) return both;
  const either = of(match.either);
  return both.intersect(space.match({ family, source: either }).union(space.match({ family, destination: either })));
}

function ports(space: PacketSpace, { services, sourcePorts, eitherPorts }: TermMatch): PacketSet {
  const own = space.match({ services, ...(sourcePorts ? { sourcePorts } : {}) });
  if (!eitherPorts) return own;
  return own.intersect(
    space
      .match({ services: withPorts(services, eitherPorts) })
      .union(space.match({ services, sourcePorts: eitherPorts })),
  );
}

/** Of the services, those with such a port. */
export function withPorts(services: ServiceSet, wanted: readonly Interval<number>[]): ServiceSet {
  const protocols = new Set(services.flatMap(splitByProtocol).map(({ protocol }) => protocol));
  const all = [...protocols].flatMap((protocol) =>
    wanted.map(({ first, last }) => ({ first: serviceKey(protocol, first), last: serviceKey(protocol, last) })),
  );
  return serviceAlgebra.intersect(services, serviceAlgebra.normalize(all));
}

/**
 * The packets that open connections, and that filters let pass: one of them is enough. The first term that matches decides. A term of
 * which nobody can tell what it matches accepts nothing, and denies all that it may match.
 */
export function meaningOf(space: PacketSpace, filters: readonly Filter[], at: Date): PacketSet {
  return space.union(
    filters.map(({ terms }) => {
      const deciding = terms.filter(
        (term) => isInForce(term, at) && !term.match.isEstablished && term.action !== 'next' && !isVague(term),
      );
      return space.firstMatch(
        deciding.map(({ action, match }) => ({ permits: action === 'accept', matches: packetsOf(space, match) })),
      );
    }),
  );
}

/** It would accept, if anybody could tell what. */
const isVague = ({ action, unsaid }: Term): boolean => action === 'accept' && unsaid !== null;

export const isEveryPort = (all: readonly Interval<number>[]): boolean =>
  serviceAlgebra.equals(all, [{ first: 0, last: 0xffff }]);
