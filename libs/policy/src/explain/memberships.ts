import { hasAddress, parseAddress, serviceAlgebra } from '#net';
import { indexOf } from '../decide.js';
import { Hierarchy } from '../hierarchy.js';
import { builtIn } from '../policy.js';
import type { Named, Snapshot } from '../snapshot.js';

/** A chain `10.10.4.20 → drug-library-1 → drug-library`: each belongs to the next, or is contained in it. */
export type MembershipPath = readonly string[];

/** The name that was asked about, and one address (or the class) of it. */
export interface AskedSide {
  readonly name: string;
  readonly label: string;
}

export interface AskedService {
  readonly name: string;
  readonly key: number;
  /** `tcp/443`. */
  readonly label: string;
}

/**
 * How a side came to be the `principal` of a rule; it must be one. The name that was asked about is the start where it
 * belongs to the principal, else one address of it, over the narrowest endpoint that has the address.
 */
export function principalPath(snapshot: Snapshot, side: AskedSide, principal: string): MembershipPath {
  const { principals, endpoints } = treesOf(snapshot);
  const byName = principals.path(side.name, principal) ?? principals.path(side.label, principal);
  if (byName) return byName;
  const address = parseAddress(side.label);
  const has = (name: string): boolean => {
    const addresses = endpoints.get(name);
    return address !== null && addresses !== undefined && hasAddress(addresses, address);
  };
  return [side.label, ...narrowest(principals, principal, has)];
}

/** The same for a port: `tcp/443 → https → web`. */
export function applicationPath(snapshot: Snapshot, asked: AskedService, application: string): MembershipPath {
  const { applications } = treesOf(snapshot);
  const byName = applications.path(asked.name, application);
  if (byName) return byName;
  if (application === builtIn.anyApplication) return [asked.label, application];
  const { services } = indexOf(snapshot);
  const has = (name: string): boolean => serviceAlgebra.contains(services.get(name) ?? [], asked.key);
  return [asked.label, ...narrowest(applications, application, has)];
}

/** Number of links, for "nearest": 0 where the rule names what was asked about. */
export function pathLength(path: MembershipPath): number {
  return path.length - 1;
}

/** The shortest chain up to `group` from a member that has it while none of its own members has. */
function narrowest(tree: Hierarchy, group: string, has: (name: string) => boolean): MembershipPath {
  const holders = tree.members(group).filter((name) => has(name) && !tree.children(name).some(has));
  const paths = holders.sort().map((name) => tree.path(name, group)!);
  return paths.reduce((best, path) => (path.length < best.length ? path : best));
}

interface Trees {
  readonly principals: Hierarchy;
  readonly applications: Hierarchy;
  readonly endpoints: ReadonlyMap<string, Snapshot['endpoints'][number]['addresses']>;
}

const trees = new WeakMap<Snapshot, Trees>();

function treesOf(snapshot: Snapshot): Trees {
  const known = trees.get(snapshot);
  if (known) return known;
  const made = {
    principals: new Hierarchy([...snapshot.classes, ...snapshot.endpoints].flatMap(linksOf)),
    applications: new Hierarchy(snapshot.applications.flatMap(linksOf)),
    endpoints: new Map(snapshot.endpoints.map(({ name, addresses }) => [name, addresses])),
  };
  trees.set(snapshot, made);
  return made;
}

/** A snapshot that an older Cordon stored has no `parents`: then a chain shows its two ends only. */
function linksOf({ name, parents, ancestors }: Named): [string, string][] {
  const above = (parents as readonly string[] | undefined) ?? ancestors;
  return above.map((parent) => [name, parent]);
}
