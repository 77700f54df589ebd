import { remembered } from '#base';
import { criticalPlaces, type Policy, type Snapshot } from '#policy';
import { usesOf } from './seen-services.js';
import type { Unit, Units } from './units.js';

/** A name that lines may have as subject or object, and which units it stands for. */
export interface Principal {
  readonly name: string;
  /** All of these must have been seen for a line to be no broader. */
  readonly units: readonly number[];
  /** Units that it stands for, too, whether or not they were seen doing the same. */
  readonly also: readonly number[];
  /** Classes that it stands for, too, and that were never seen; only where that was asked for. */
  readonly unseen: readonly string[];
  /** Lower is better. */
  readonly rank: number;
}

/**
 * Names of the policy for units that were seen. A class stands for all classes below it that can be told from each other on the network: leaves of
 * the tree, those that have devices in the inventory, those that were seen. A name that stands for more than what has a unit is no candidate.
 */
export class Principals {
  private readonly classUnits = new Map<string, number>();
  private readonly atomUnits = new Map<number, number>();
  private readonly found = new Map<number, readonly Principal[]>();
  private readonly made = new Map<string, Principal | null>();
  /** Atom → endpoints and groups that hold it. */
  private readonly holders = new Map<number, string[]>();
  private readonly atoms = new Map<string, readonly number[]>();
  private readonly uses: ReadonlyMap<string, number>;
  private readonly counted: ReadonlySet<string>;

  constructor(
    private readonly policy: Policy,
    snapshot: Snapshot,
    private readonly units: Units,
    /** Classes with devices in the inventory. */
    private readonly populated: ReadonlyMap<string, number>,
  ) {
    this.uses = usesOf(snapshot);
    for (const [number, unit] of units.list.entries()) {
      if (unit.kind === 'class') this.classUnits.set(unit.name, number);
      if (unit.kind === 'endpoint') this.atomUnits.set(unit.atom, number);
    }
    this.counted = this.classesThatCount(snapshot);
    for (const [i, { name }] of snapshot.endpoints.entries()) {
      const atoms = units.partition.atomsOf(i).flatMap(({ first, last }) => {
        return Array.from({ length: last - first + 1 }, (_, step) => first + step);
      });
      this.atoms.set(name, atoms);
      for (const atom of atoms) this.holders.set(atom, [...(this.holders.get(atom) ?? []), name]);
    }
  }

  private classesThatCount({ accessTable, nas }: Snapshot): Set<string> {
    const roles = new Set([...accessTable, ...criticalPlaces(nas)].map(({ role }) => role));
    const { principalTree } = this.policy;
    const isTold = (name: string): boolean =>
      principalTree.children(name).length === 0 || this.populated.has(name) || this.classUnits.has(name);
    return new Set([...roles, ...this.classUnits.keys()].filter(isTold));
  }

  /** All that stand for the unit, and for nothing that has no unit. */
  of(unit: number): readonly Principal[] {
    return remembered(this.found, unit, () => {
      const one = this.units.list[unit]!;
      if (one.kind === 'address') return [{ name: one.name, units: [unit], also: [], unseen: [], rank: 0 }];
      const names =
        one.kind === 'class'
          ? [one.name, ...this.policy.principalTree.ancestors(one.name)]
          : (this.holders.get(one.atom) ?? []);
      return names.flatMap((name) => this.principal(name, one.kind) ?? []);
    });
  }

  /** The class with all that is below it, whether it was seen or not. */
  widened(unit: number): Principal | null {
    const one = this.units.list[unit]!;
    if (one.kind !== 'class') return null;
    const below = this.below(one.name).filter((name) => name !== one.name);
    const also = below.flatMap((name) => this.classUnits.get(name) ?? []);
    const unseen = below.filter((name) => !this.classUnits.has(name));
    return { name: one.name, units: [unit], also, unseen, rank: 1_000_000 };
  }

  /** Classes that a line for a class holds for, with their units where they have any. */
  membersOf(name: string): { name: string; unit: number | null }[] {
    return this.below(name).map((member) => ({ name: member, unit: this.classUnits.get(member) ?? null }));
  }

  /** Classes that count and belong to a class, itself included. */
  private below(name: string): string[] {
    return this.policy.principalTree.members(name).filter((member) => this.counted.has(member));
  }

  private principal(name: string, kind: Unit['kind']): Principal | null {
    return remembered(this.made, name, () => {
      const units =
        kind === 'class'
          ? this.below(name).map((member) => this.classUnits.get(member))
          : this.atoms.get(name)!.map((atom) => this.atomUnits.get(atom));
      if (units.some((unit) => unit === undefined)) return null;
      return { name, units: units as number[], also: [], unseen: [], rank: this.rankOf(name, kind) };
    });
  }

  /** Of classes the narrowest, of endpoints the name that rules use most. */
  private rankOf(name: string, kind: Unit['kind']): number {
    return kind === 'class'
      ? this.policy.principalTree.members(name).length
      : 1000 - Math.min(this.uses.get(name) ?? 0, 1000);
  }
}
