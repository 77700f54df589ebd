import { compareText } from '#base';
import { formatAddress, formatService, textOfIntervals, type Address, type ServiceSet } from '#net';
import type { Policy } from '#policy';
import type { NewApplication, NewEndpoint } from './learned.js';

const longest = 64;

/** Names for what the catalog lacks: `seen-10-10-9-9`, `seen-tcp-104`. Each is given once, and to nothing that has a name. */
export class NewNames {
  private readonly taken: Set<string>;
  private readonly byAddress = new Map<string, NewEndpoint>();
  private readonly byServices = new Map<string, NewApplication>();

  constructor({ classes, endpoints, applications, principalTree, applicationTree }: Policy) {
    const groups = [
      ...[...endpoints.keys()].flatMap((name) => principalTree.ancestors(name)),
      ...[...applications.keys()].flatMap((name) => applicationTree.ancestors(name)),
    ];
    this.taken = new Set([...classes.keys(), ...endpoints.keys(), ...applications.keys(), ...groups]);
  }

  endpoint(address: Address): string {
    const text = formatAddress(address);
    const known = this.byAddress.get(text);
    if (known) return known.name;
    const made = { name: this.free(`seen-${text}`), address: text };
    this.byAddress.set(text, made);
    return made.name;
  }

  application(services: ServiceSet): string {
    const key = textOfIntervals(services);
    const known = this.byServices.get(key);
    if (known) return known.name;
    const ports = services.flatMap(formatService);
    const [first] = ports;
    const made = { name: this.free(ports.length <= 3 ? `seen-${ports.join('-')}` : `seen-${first}-and-more`), ports };
    this.byServices.set(key, made);
    return made.name;
  }

  get endpoints(): NewEndpoint[] {
    return [...this.byAddress.values()].sort((a, b) => compareText(a.name, b.name));
  }

  get applications(): NewApplication[] {
    return [...this.byServices.values()].sort((a, b) => compareText(a.name, b.name));
  }

  private free(wish: string): string {
    const stem = wish
      .replaceAll(/[^a-z0-9]+/g, '-')
      .slice(0, longest - 6)
      .replace(/-+$/, '');
    let name = stem;
    for (let i = 2; this.taken.has(name); i++) name = `${stem}-${i}`;
    this.taken.add(name);
    return name;
  }
}
