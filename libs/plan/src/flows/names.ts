import { compareText } from '#base';
import {
  formatRange,
  formatServices,
  formatService,
  formatPrefix,
  isEmptyAddressSet,
  isIcmp,
  prefixesOfRange,
  rangesOf,
  serviceAlgebra,
  serviceKey,
  splitByProtocol,
  subtractAddresses,
  type AddressSet,
  type ServiceSet,
} from '#net';
import type { Snapshot } from '#policy';
import type { NamedServices } from '../plan.js';
import { describeSet, type NamedSet, type SetAlgebra, type SetDescription } from './describe-set.js';

const addressSets: SetAlgebra<AddressSet> = {
  subtract: subtractAddresses,
  isEmpty: isEmptyAddressSet,
  size: (set) => rangesOf(set).reduce((sum, { first, last }) => sum + last - first + 1n, 0n),
  pieces: (set) => rangesOf(set).reduce((sum, range) => sum + prefixesOfRange(range).length, 0),
};

const serviceSets: SetAlgebra<ServiceSet> = {
  subtract: (a, b) => serviceAlgebra.subtract(a, b),
  isEmpty: (set) => set.length === 0,
  size: (set) => set.reduce((sum, { first, last }) => sum + last - first + 1, 0),
  pieces: (set) => portTexts(set).length,
};

const classSets: SetAlgebra<ReadonlySet<string>> = {
  subtract: (a, b) => a.difference(b),
  isEmpty: (set) => set.size === 0,
  size: (set) => set.size,
  pieces: (set) => set.size,
};

/** Names of one policy for what its rules speak of: classes with all below them, endpoints and groups, applications. */
export class PolicyNames {
  private readonly endpoints: readonly NamedSet<AddressSet>[];
  private readonly applications: readonly NamedSet<ServiceSet>[];
  private readonly classes: readonly NamedSet<ReadonlySet<string>>[];
  private readonly known = new Map<string, string>();

  constructor(snapshot: Snapshot) {
    this.endpoints = snapshot.endpoints.map(({ name, addresses }) => ({ name, set: addresses }));
    this.applications = snapshot.applications.map(({ name, services }) => ({ name, set: services }));
    const below = new Map(snapshot.classes.map(({ name }) => [name, new Set([name])]));
    for (const { name, ancestors } of snapshot.classes)
      for (const ancestor of ancestors) below.get(ancestor)?.add(name);
    this.classes = [...below].map(([name, set]) => ({ name, set }));
  }

  /** `infusion-pump` means it and all below it; `infusion-pump itself` means it alone. */
  describeClasses(classes: ReadonlySet<string>): string {
    return this.remember(`c ${[...classes].sort(compareText).join(' ')}`, () => {
      const described = describeSet(classes, this.classes, classSets);
      return join(
        described,
        [...described.rest].sort(compareText).map((name) => `${name} itself`),
      );
    });
  }

  describeAddresses(addresses: AddressSet, preferred: ReadonlySet<string>): string {
    const key = `a ${rangeTexts(addresses).join(' ')} ${[...preferred].sort(compareText).join(' ')}`;
    return this.remember(key, () => {
      const described = describeSet(addresses, this.endpoints, addressSets, preferred);
      const rest = rangesOf(described.rest).flatMap((range) => prefixesOfRange(range).map(formatPrefix));
      return join(described, rest);
    });
  }

  describeServices(services: ServiceSet, preferred: ReadonlySet<string>): NamedServices {
    const key = `s ${formatServices(services)} ${[...preferred].sort(compareText).join(' ')}`;
    const text = this.remember(key, () => {
      const described = describeSet(services, this.applications, serviceSets, preferred);
      return join(described, portTexts(described.rest));
    });
    return { text, ports: portTexts(services) };
  }

  private remember(key: string, make: () => string): string {
    const found = this.known.get(key);
    if (found !== undefined) return found;
    const made = make();
    this.known.set(key, made);
    return made;
  }
}

export const rangeTexts = (addresses: AddressSet): string[] => rangesOf(addresses).map(formatRange);

/** As policies write them, so that they can be read back. ICMP has 256 types, though the key has room for more. */
export function portTexts(services: ServiceSet): string[] {
  return services.flatMap((interval) => {
    if (interval.first === 0 && interval.last === 0xff_ffff) return ['any'];
    return splitByProtocol(interval).flatMap(({ protocol, ports }) => {
      if (!ports || !isIcmp(protocol))
        return formatService({
          first: serviceKey(protocol, ports?.first ?? 0),
          last: serviceKey(protocol, ports?.last ?? 0xffff),
        });
      const last = Math.min(ports.last, 0xff);
      return ports.first > last
        ? []
        : formatService({ first: serviceKey(protocol, ports.first), last: serviceKey(protocol, last) });
    });
  });
}

function join({ names, except }: SetDescription<unknown>, rest: readonly string[]): string {
  const all = [...names, ...rest].join(', ');
  return except.length === 0 ? all : `${all} except ${except.join(', ')}`;
}
