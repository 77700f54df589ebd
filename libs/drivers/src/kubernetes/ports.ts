import { anyService, hasPorts, serviceAlgebra, serviceKey, splitByProtocol, type ServiceSet } from '#net';
import type { PolicyPort } from './objects.js';

const names = { 6: 'TCP', 17: 'UDP', 132: 'SCTP' } as const;
const protocolsWithPorts = [6, 17, 132] as const;

/** What the ports of a NetworkPolicy can speak of. */
const sayable: ServiceSet = protocolsWithPorts.map((protocol) => ({
  first: serviceKey(protocol, 0),
  last: serviceKey(protocol, 0xffff),
}));

/** Ports that an API server without ranges takes one by one in place of a range. */
const mostSinglePorts = 64;

export const isAny = (services: ServiceSet): boolean => serviceAlgebra.equals(services, anyService);

/** Services that no list of ports can say: everything but TCP, UDP and SCTP, unless it is all protocols together. */
export const unsayable = (services: ServiceSet): ServiceSet =>
  isAny(services) ? [] : serviceAlgebra.subtract(services, sayable);

/**
 * The ports of a rule; null: all protocols, which a rule says by having none. An empty list allows nothing, and must never be
 * written: to the API it would mean all. Port 0 can't be said and is left out: nothing can listen there.
 */
export function portsOf(services: ServiceSet, hasRanges: boolean): PolicyPort[] | null {
  if (isAny(services)) return null;
  return serviceAlgebra
    .intersect(services, sayable)
    .flatMap(splitByProtocol)
    .flatMap(({ protocol, ports }): PolicyPort[] => {
      if (!hasPorts(protocol)) return [];
      const name = names[protocol as keyof typeof names];
      if (!ports) return [{ protocol: name }];
      const first = Math.max(ports.first, 1);
      const { last } = ports;
      if (first > last) return [];
      if (first === last) return [{ protocol: name, port: first }];
      if (hasRanges) return [{ protocol: name, port: first, endPort: last }];
      return Array.from({ length: last - first + 1 }, (_, i) => ({ protocol: name, port: first + i }));
    });
}

/** Whether an API server without ranges would have to be told too many single ports. */
export const needsRanges = (services: ServiceSet): boolean => (portsOf(services, false)?.length ?? 0) > mostSinglePorts;
