import { formatServices, hasPorts, isIcmp, protocolOf, serviceAlgebra, serviceKey, type ServiceSet } from '#net';
import type { Application, Snapshot } from '#policy';

/** A whole protocol is no application that anything could be told by. */
const mostServices = 0x8000;
/** Numbers of applications begin behind those of services. */
const firstApplication = 0x100_0000;

/** By how many rules each name of an application is used. */
export function usesOf({ flowRules }: Pick<Snapshot, 'flowRules'>): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  for (const { subject, object, application } of flowRules)
    for (const name of [subject, object, application]) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}

export const sizeOf = (services: ServiceSet): number =>
  services.reduce((sum, { first, last }) => sum + last - first + 1, 0);

/** The services that can't be told from one; a protocol without ports has one. */
export function exactly(service: number): ServiceSet {
  const protocol = protocolOf(service);
  if (hasPorts(protocol) || isIcmp(protocol)) return [{ first: service, last: service }];
  return [{ first: serviceKey(protocol, 0), last: serviceKey(protocol, 0xffff) }];
}

/**
 * What a seen service counts as, as a number. Exactly: itself. Broadly: the smallest application that has it, so that what is seen of one
 * port is seen of all.
 */
export class SeenServices {
  private readonly applications: readonly Application[];
  private readonly known = new Map<number, number>();

  constructor(
    snapshot: Snapshot,
    private readonly isBroader: boolean,
  ) {
    const uses = usesOf(snapshot);
    const useOf = ({ name }: Application): number => uses.get(name) ?? 0;
    this.applications = snapshot.applications
      .filter(({ services }) => services.length > 0 && sizeOf(services) <= mostServices)
      .sort((a, b) => sizeOf(a.services) - sizeOf(b.services) || useOf(b) - useOf(a) || (a.name < b.name ? -1 : 1));
  }

  of(service: number): number {
    return this.isBroader ? this.familyOf(service) : service;
  }

  /** The smallest application that has the service, as a number; the service itself where none has. */
  familyOf(service: number): number {
    const known = this.known.get(service);
    if (known !== undefined) return known;
    const index = this.applications.findIndex(({ services }) => serviceAlgebra.contains(services, service));
    const made = index < 0 ? service : firstApplication + index;
    this.known.set(service, made);
    return made;
  }

  /** The services that a number stands for. */
  setOf(number: number): ServiceSet {
    if (number < firstApplication) return exactly(number);
    return this.applications[number - firstApplication]!.services;
  }

  /** `https (tcp/443)`, or ports alone. */
  nameOf(service: number): string {
    const family = this.familyOf(service);
    const text = formatServices(exactly(service));
    return family < firstApplication
      ? text
      : `${this.applications[family - firstApplication]!.name} (${formatServices(this.setOf(family))})`;
  }
}
