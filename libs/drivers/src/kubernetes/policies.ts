import type { Prefix } from '#net';
import type { Direction, Part } from './names.js';

/** A NetworkPolicy as it was read: what it is about, what it does, and all that none of ours has. */
export interface ParsedPolicy {
  readonly namespace: string;
  readonly name: string;
  /** The service that it says it is about; `''` when it says none. */
  readonly service: string;
  /** It selects exactly the pods that this service selects. */
  readonly selectsService: boolean;
  readonly part: Part | null;
  readonly lines: readonly string[];
  /** As they stand there; of `base`. */
  readonly addresses: string;
  readonly rulesHash: string;
  /** What it opens in each direction that it closes; null: it says nothing of that direction. */
  readonly opens: Readonly<Record<Direction, readonly ParsedRule[] | null>>;
  /** Fields, and values of fields, that this driver never writes: what they mean is not known. */
  readonly foreign: readonly string[];
}

export interface ParsedRule {
  readonly peers: readonly ParsedPeer[];
  /** Null: every protocol. */
  readonly ports: readonly ParsedPort[] | null;
}

export interface ParsedPeer {
  readonly cidr: Prefix;
  readonly except: readonly Prefix[];
}

export interface ParsedPort {
  readonly protocol: 6 | 17 | 132;
  /** Null: all ports. */
  readonly ports: { readonly first: number; readonly last: number } | null;
}
