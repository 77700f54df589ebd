import { serviceAlgebra, type AtomSet } from '#net';
import type { Policy, SegmentSource } from '../policy.js';
import type { Resolution } from '../resolve.js';
import type { AccessGrant } from '../snapshot.js';

export interface Places {
  /** Where nothing but this class can be. */
  readonly own: AtomSet;
  /** Where this class may be. */
  readonly possible: AtomSet;
  /** Whether any device counts as this class. */
  readonly isPlaced: boolean;
}

/** Which addresses devices of a class can have, by where they are placed and by what segments are for. */
export class ClassPlaces {
  private readonly tree: Policy['principalTree'];
  private readonly segments: Policy['segments'];
  /** By role: the segments where devices count as it. */
  private readonly segmentsOf = new Map<string, Set<string>>();
  /** By class: segments that are for it, or for devices that count as it. */
  private readonly heldBy: ReadonlyMap<string, readonly SegmentSource[]>;
  private readonly known = new Map<string, Places>();

  constructor(
    policy: Pick<Policy, 'segments' | 'principalTree'>,
    private readonly resolution: Resolution,
    placed: readonly Pick<AccessGrant, 'role' | 'segment'>[],
  ) {
    this.tree = policy.principalTree;
    this.segments = policy.segments;
    for (const { role, segment } of placed) {
      const found = this.segmentsOf.get(role);
      if (found) found.add(segment);
      else this.segmentsOf.set(role, new Set([segment]));
    }
    const held = [...policy.segments.values()].filter(({ role, dedicatedTo }) => (role ?? dedicatedTo) !== null);
    this.heldBy = Map.groupBy(held, ({ role, dedicatedTo }) => (role ?? dedicatedTo)!);
  }

  of(name: string): Places {
    const known = this.known.get(name) ?? this.find(name);
    this.known.set(name, known);
    return known;
  }

  private find(name: string): Places {
    const classes = this.tree.members(name);
    const roles = classes.filter((member) => this.segmentsOf.has(member));
    const possible = new Set(roles.flatMap((role) => [...this.segmentsOf.get(role)!]));
    return {
      own: this.atomsOf(classes.flatMap((member) => this.heldBy.get(member) ?? [])),
      possible: this.atomsOf([...possible].map((segment) => this.segments.get(segment)!)),
      isPlaced: roles.length > 0,
    };
  }

  private atomsOf(segments: readonly SegmentSource[]): AtomSet {
    return serviceAlgebra.normalize(segments.flatMap(({ name }) => [...this.resolution.atomsOfSegment(name)]));
  }
}
