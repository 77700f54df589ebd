import { addressSet, parseAddress, type AddressSet } from '#net';
import { keyOf, type Service } from './objects.js';

/** `NAMESPACE/NAME` of each service → the addresses at which the cluster says that it is reached. */
export type ServiceAddresses = ReadonlyMap<string, AddressSet>;

/** One namespace as its API server tells of it. Rejects with `RemoteFault` or `TerminalFault` only. */
export interface ServiceSource {
  listServices(namespace: string): Promise<{ readonly services: readonly Service[]; readonly version: string }>;
  /** Resolves after the next change later than this version, or when the server ended the watch. */
  nextChange(namespace: string, version: string, signal: AbortSignal): Promise<void>;
}

export interface ServiceWatch {
  readonly source: ServiceSource;
  readonly namespaces: readonly string[];
  /** Told at the start and after each change, always of everything. */
  readonly onServices: (services: ServiceAddresses) => void;
  /** The server does not answer, or says no: what was told last may be out of date. It is tried again. */
  readonly onFault: (fault: unknown) => void;
  readonly pause: (signal: AbortSignal) => Promise<void>;
}

/**
 * Looks after the services of some namespaces until it is aborted. Each change makes it list again: a watch only says that there
 * is something to see, so nothing is missed when the server restarts or a watch ends. It decides nothing about what the addresses are for.
 */
export async function watchServices(watch: ServiceWatch, signal: AbortSignal): Promise<void> {
  const found = new Map<string, readonly Service[]>();
  const tell = (): void => {
    if (found.size === watch.namespaces.length && !signal.aborted)
      watch.onServices(addressesOf([...found.values()].flat()));
  };
  await Promise.all(
    watch.namespaces.map((namespace) =>
      watchNamespace(watch, namespace, signal, (services) => {
        found.set(namespace, services);
        tell();
      }),
    ),
  );
}

async function watchNamespace(
  { source, onFault, pause }: ServiceWatch,
  namespace: string,
  signal: AbortSignal,
  onList: (services: readonly Service[]) => void,
): Promise<void> {
  let told: string | null = null;
  while (!signal.aborted) {
    try {
      const { services, version } = await source.listServices(namespace);
      const text = JSON.stringify(services);
      if (text !== told) onList(services);
      told = text;
      await source.nextChange(namespace, version, signal);
    } catch (fault) {
      if (signal.aborted) return;
      onFault(fault);
      await pause(signal);
    }
  }
}

function addressesOf(services: readonly Service[]): ServiceAddresses {
  return new Map(
    services.map((service) => {
      const { clusterIP = '', clusterIPs = [clusterIP], externalIPs = [] } = service.spec;
      const given = (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
      const addresses = [...clusterIPs, ...externalIPs, ...given].flatMap((text) => parseAddress(text) ?? []);
      return [
        keyOf(service),
        addressSet(addresses.map(({ family, value }) => ({ family, first: value, last: value }))),
      ];
    }),
  );
}
