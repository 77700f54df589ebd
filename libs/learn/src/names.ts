import { compareText } from '#base';
import {
  formatPrefix,
  formatService,
  isIcmp,
  prefixesOfRange,
  rangesOf,
  serviceKey,
  splitByProtocol,
  type AddressSet,
  type ProtocolPorts,
  type ServiceSet,
} from '#net';
import type { Snapshot } from '#policy';

/** An entry that a catalog file gets. */
export interface NewEndpoint {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly description: string;
}

export interface NewApplication {
  readonly name: string;
  readonly ports: readonly string[];
}

const mostLetters = 64;

/** A name of the policy language made of any text: small letters, digits, `-`. Empty when nothing of the text can be used. */
export function nameFrom(text: string): string {
  const plain = text
    .normalize('NFKD')
    .replaceAll(/[\u0300-\u036f]/g, '')
    .replaceAll(/([\da-z])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replaceAll(/[^\da-z]+/g, '-');
  return plain.slice(0, mostLetters).replaceAll(/^-+|-+$/g, '');
}

export const isName = (text: string): boolean => /^[a-z\d](?:[a-z\d-]{0,62}[a-z\d])?$/.test(text);

export const textsOf = (addresses: AddressSet): string[] =>
  rangesOf(addresses).flatMap(prefixesOfRange).map(formatPrefix);

/**
 * Names for address sets and service sets: those that the policy has for exactly the same set, or new ones. Services of a
 * cluster are never taken: their addresses change.
 */
export class NameBook {
  readonly endpoints: NewEndpoint[] = [];
  readonly applications: NewApplication[] = [];
  private readonly byAddresses = new Map<string, string[]>();
  private readonly byServices = new Map<string, string[]>();
  private readonly principals: Set<string>;
  private readonly services: Set<string>;
  private readonly fresh = new Map<string, string>();

  constructor(snapshot: Snapshot, taken: readonly string[]) {
    const { endpoints, applications, classes, flowRules } = snapshot;
    const moving = new Set(endpoints.flatMap((one) => (one.kubernetes ? [one.name, ...one.ancestors] : [])));
    const uses = Map.groupBy(flowRules, ({ application }) => application);
    const often = (name: string): number => uses.get(name)?.length ?? 0;
    // Without `internal`, no rule may name `internet`.
    if (endpoints.every(({ name }) => name !== 'internal')) moving.add('internet');
    for (const { name, addresses } of endpoints)
      if (!moving.has(name)) push(this.byAddresses, textsOf(addresses).join(), name);
    for (const { name, services } of applications) push(this.byServices, portsOf(services).join(', '), name);
    for (const names of this.byAddresses.values()) names.sort(compareText);
    // Several names for one port: the one that most rules use.
    for (const names of this.byServices.values()) names.sort((a, b) => often(b) - often(a) || compareText(a, b));
    this.principals = new Set([...taken, ...[...endpoints, ...classes].map(({ name }) => name)]);
    this.services = new Set(['any', ...applications.map(({ name }) => name)]);
  }

  /** `label`: what the addresses are called; taken as it is when it is a name for them already. */
  endpoint(addresses: AddressSet, label: string, prefix: string): string {
    const texts = textsOf(addresses);
    const known = this.byAddresses.get(texts.join()) ?? [];
    if (known.length > 0) return [label, nameFrom(label)].find((one) => known.includes(one)) ?? known[0]!;
    return this.once(`endpoint ${label} ${texts.join()}`, () => {
      const only = addresses.v6.length === 0 ? ' ipv4' : addresses.v4.length === 0 ? ' ipv6' : '';
      const part = this.principals.has(label) ? only : '';
      const name = free(nameFrom(`${prefix} ${label}${part}`) || 'endpoint', this.principals);
      this.endpoints.push({ name, addresses: texts, description: label });
      return name;
    });
  }

  /** `label`: what a new one is called; null: what its ports are. */
  application(services: ServiceSet, label: string | null = null): string {
    const ports = portsOf(services);
    const text = ports.join(', ');
    const known = this.byServices.get(text)?.[0];
    if (known !== undefined) return known;
    return this.once(`application ${text}`, () => {
      const name = free(nameFrom(label ?? text), this.services);
      this.applications.push({ name, ports });
      return name;
    });
  }

  private once(key: string, make: () => string): string {
    const known = this.fresh.get(key) ?? make();
    this.fresh.set(key, known);
    return known;
  }
}

/** Texts of ports as the catalog has them: there are no ICMP types above 255. */
function portsOf(services: ServiceSet): string[] {
  return services.flatMap((interval) => {
    const isEverything = formatService(interval)[0] === 'any';
    return isEverything ? ['any'] : splitByProtocol(interval).flatMap(portsOfProtocol);
  });
}

function portsOfProtocol({ protocol, ports }: ProtocolPorts): string[] {
  const { first, last } = ports ?? { first: 0, last: 0xffff };
  const end = ports && isIcmp(protocol) ? Math.min(last, 0xff) : last;
  return formatService({ first: serviceKey(protocol, first), last: serviceKey(protocol, end) });
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key) ?? [];
  map.set(key, list);
  list.push(value);
}

/** The name, or the name with the first number that makes it free. */
function free(name: string, taken: Set<string>): string {
  for (let number = 1; ; number++) {
    const tail = number === 1 ? '' : `-${number}`;
    const made = `${name.slice(0, mostLetters - tail.length).replace(/-+$/, '')}${tail}`;
    if (made !== '' && !taken.has(made)) {
      taken.add(made);
      return made;
    }
  }
}
