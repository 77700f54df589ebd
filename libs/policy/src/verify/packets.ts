import { parseService, protocols, serviceAlgebra, serviceKey, type Family, type Interval, type ServiceSet } from '#net';
import { indexOf } from '../decide.js';
import { judge, type VerdictPart } from '../explain.js';
import type { Snapshot } from '../snapshot.js';
import { sideOf, type CounterexamplePacket } from './failure.js';
import type { Universe } from './universe.js';

/** What a claim leaves out: a packet that any of these names fits. */
export interface Exception {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly app: readonly string[];
}

export const nothingExcepted: Exception = { from: [], to: [], app: [] };

/** The parts of a question between two labels that are not excepted. */
export function partsOf(
  universe: Universe,
  snapshot: Snapshot,
  { from, to, app }: { readonly from: string; readonly to: string; readonly app: string },
  except: Exception = nothingExcepted,
): VerdictPart[] {
  const parts = judge(snapshot, { from, to, app });
  if (!parts.ok) throw new Error(`the loader let an unknown name through: ${parts.diagnostics[0]?.summary ?? ''}`);
  const excepted = servicesOf(snapshot, except.app);
  return parts.value.flatMap((part) => {
    if (except.from.some((name) => part.sources.has(name))) return [];
    if (except.to.length > 0) {
      const destinations = universe.principalsOf(part.to);
      if (except.to.some((name) => destinations.has(name))) return [];
    }
    const services = serviceAlgebra.subtract(withoutOtherFamily(universe, part), excepted);
    return services.length === 0 ? [] : [{ ...part, services }];
  });
}

function servicesOf(snapshot: Snapshot, names: readonly string[]): ServiceSet {
  const known = indexOf(snapshot).services;
  return serviceAlgebra.normalize(
    names.flatMap((name): ServiceSet => {
      const service = parseService(name);
      return known.get(name) ?? (service ? [service] : []);
    }),
  );
}

/** `judge` takes a device to have addresses of both families; one at a certain address has that family alone. */
function withoutOtherFamily(universe: Universe, part: VerdictPart): ServiceSet {
  const isKnown = !universe.isPlace(part.from) && !universe.isPlace(part.to);
  return isKnown ? part.services : possibleServices(universe, part);
}

/** No packet joins two families, ICMP exists in IPv4 only and ICMPv6 in IPv6 only. */
function possibleServices(universe: Universe, { from, to, services }: VerdictPart): ServiceSet {
  const [source, destination] = [from, to].map((label) => universe.sideOf(label)?.address?.family);
  if (source && destination && source !== destination) return [];
  const family: Family | undefined = source ?? destination;
  if (!family) return services;
  const other = family === 4 ? protocols.icmp6 : protocols.icmp;
  return serviceAlgebra.subtract(services, [{ first: serviceKey(other, 0), last: serviceKey(other, 0xffff) }]);
}

/** One packet of a part; null when the part is of no packet. */
export function packetOf(universe: Universe, part: VerdictPart): CounterexamplePacket | null {
  const source = universe.sideOf(part.from);
  const destination = universe.sideOf(part.to);
  const key = firstKey(possibleServices(universe, part));
  if (!source || !destination || key === null) return null;
  return { kind: 'packet', from: sideOf(source), to: sideOf(destination), protocol: key >>> 16, port: key & 0xffff };
}

/** What people know best: TCP or UDP with a real port, if there is one. */
function firstKey(services: ServiceSet): number | null {
  const familiar: Interval<number>[] = [protocols.tcp, protocols.udp].map((protocol) => ({
    first: serviceKey(protocol, 1),
    last: serviceKey(protocol, 0xffff),
  }));
  return (serviceAlgebra.intersect(services, familiar)[0] ?? services[0])?.first ?? null;
}
