import type { Interval } from '#net';

/** Our table in canonical form: what `parse` gives, whatever the text looked like, and what `evaluate` runs packets through. */
export interface NftTable {
  readonly chains: ReadonlyMap<string, NftChain>;
  readonly sets: ReadonlyMap<string, NftSet>;
  readonly counters: ReadonlyMap<string, NftCounter>;
  /** Whatever else stands in the table, as text: never ours, so always drift. */
  readonly foreign: readonly string[];
}

export interface NftChain {
  /** Null for a chain that is only jumped to. */
  readonly hook: {
    readonly type: string;
    readonly hook: string;
    readonly prio: number;
    readonly policy: string;
  } | null;
  readonly rules: readonly NftRule[];
}

export interface NftRule {
  readonly comment: string | null;
  readonly statements: readonly NftStatement[];
}

export type NftField =
  | { readonly kind: 'address'; readonly family: 4 | 6; readonly side: 'saddr' | 'daddr' }
  | { readonly kind: 'protocol' }
  /** Destination port, or type for ICMP, of exactly this protocol. */
  | { readonly kind: 'port'; readonly protocol: number };

export type NftStatement =
  | { readonly kind: 'match'; readonly field: NftField; readonly values: readonly Interval<bigint>[] }
  | { readonly kind: 'lookup'; readonly field: NftField; readonly set: string }
  /** Bits: invalid 1, established 2, related 4, new 8, untracked 64. */
  | { readonly kind: 'state'; readonly mask: number }
  | { readonly kind: 'direction'; readonly reply: boolean }
  | { readonly kind: 'counter'; readonly name: string | null }
  | { readonly kind: 'log'; readonly prefix: string; readonly group: number }
  /** Which packets go on behind it nobody can say, so only what changes no verdict may stand there: see `isOnlyTold`. */
  | { readonly kind: 'limit'; readonly rate: number; readonly burst: number; readonly per: string }
  | { readonly kind: 'accept' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'return' }
  | { readonly kind: 'jump'; readonly target: string }
  | { readonly kind: 'goto'; readonly target: string }
  /** Not in our vocabulary; kept so that it changes the fingerprint, and refused by `evaluate`. */
  | { readonly kind: 'unknown'; readonly text: string };

export interface NftSet {
  readonly type: string;
  /** Sets of ours hold single addresses, which are membership; one of ranges is somebody else's, and counts as rules. */
  readonly ranges: readonly Interval<bigint>[] | null;
  readonly members: ReadonlySet<string>;
  /** Flags, time-outs and elements that aren't ours. */
  readonly foreign: readonly string[];
}

export interface NftCounter {
  readonly packets: number;
  readonly bytes: number;
}

export const stateBits = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;

/** Whether what follows the statement at `index` tells of a packet at the most, and decides nothing. */
export const isOnlyTold = (statements: readonly NftStatement[], index: number): boolean =>
  statements.slice(index + 1).every(({ kind }) => kind === 'log' || kind === 'counter');
