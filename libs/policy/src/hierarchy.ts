import { append, compareText, remembered } from '#base';

/**
 * Who belongs to whom, over any number of links. Holds names only; what a name stands for is elsewhere. Cycles and depth
 * are checked by the loader; the walks here end on a cycle too.
 */
export class Hierarchy {
  private readonly up = new Map<string, string[]>();
  private readonly down = new Map<string, string[]>();
  private readonly above = new Map<string, ReadonlyMap<string, number>>();
  private readonly below = new Map<string, ReadonlyMap<string, number>>();

  constructor(links: Iterable<readonly [child: string, parent: string]>) {
    for (const [child, parent] of links) {
      append(this.up, child, parent);
      append(this.down, parent, child);
    }
  }

  parents(name: string): readonly string[] {
    return this.up.get(name) ?? [];
  }

  children(name: string): readonly string[] {
    return this.down.get(name) ?? [];
  }

  /** Fewest links from `name` up to each name it belongs to; itself at 0. */
  distances(name: string): ReadonlyMap<string, number> {
    return remembered(this.above, name, () => this.walk(name, this.up));
  }

  /** Itself and everything that belongs to it. */
  members(name: string): readonly string[] {
    if (!this.down.has(name)) return [name];
    return [...remembered(this.below, name, () => this.walk(name, this.down)).keys()];
  }

  belongs(name: string, group: string): boolean {
    return this.distances(name).has(group);
  }

  /** Nearest first, then by name; itself not included. */
  ancestors(name: string): string[] {
    const found = [...this.distances(name)].filter(([, distance]) => distance > 0);
    return found.sort(([a, x], [b, y]) => x - y || compareText(a, b)).map(([ancestor]) => ancestor);
  }

  /** What a snapshot keeps of it. */
  lineage(name: string): { ancestors: string[]; parents: string[] } {
    return { ancestors: this.ancestors(name), parents: [...this.parents(name)].sort(compareText) };
  }

  /** A shortest chain `name → … → group`, or null. */
  path(name: string, group: string): readonly string[] | null {
    const chain = [name];
    for (let at = name; at !== group;) {
      const next = this.parents(at)
        .filter((parent) => this.belongs(parent, group))
        .sort((a, b) => this.distances(a).get(group)! - this.distances(b).get(group)! || compareText(a, b))[0];
      if (next === undefined || chain.includes(next)) return null;
      chain.push(next);
      at = next;
    }
    return chain;
  }

  private walk(start: string, edges: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, number> {
    const distance = new Map([[start, 0]]);
    for (const [name, steps] of distance) {
      for (const next of edges.get(name) ?? []) if (!distance.has(next)) distance.set(next, steps + 1);
    }
    return distance;
  }
}
