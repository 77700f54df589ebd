import { bitsOf, families, parseAddress, type Address, type Family } from '#net';
import type { NasEntry } from '#policy/snapshot';
import { Secret } from '#radius';
import type { SecretLookup } from '../config.js';

/** A RADIUS client whose secret we have. */
export interface Client {
  readonly nas: NasEntry;
  readonly secret: Secret;
}

export interface UnusableClient {
  readonly nas: string;
  readonly problem: string;
}

interface Length {
  readonly hostBits: bigint;
  readonly clients: Map<bigint, Client | 'no-secret'>;
}

const maxRemembered = 10_000;

/**
 * Source address → RADIUS client; the longest prefix wins. It decides only who may speak and with which secret.
 *
 * A client whose secret can't be resolved keeps its place: its packets must not fall to a wider prefix.
 */
export class ClientTable {
  private readonly lengths: Record<Family, Length[]> = { 4: [], 6: [] };
  /** Answers by source address as text: switches are few, the algebra on numbers is slow. Bounded: sources can be forged. */
  private readonly remembered = new Map<string, Client | 'no-secret' | null>();
  readonly unusable: readonly UnusableClient[];

  constructor(entries: readonly NasEntry[], secretOf: (reference: string) => SecretLookup) {
    const unusable: UnusableClient[] = [];
    const byLength = new Map<string, Length>();
    for (const nas of entries) {
      const { family, value, length } = nas.prefix;
      const client = resolveClient(nas, secretOf);
      if ('problem' in client) unusable.push({ nas: nas.name, problem: client.problem });
      const key = `${family}/${length}`;
      let table = byLength.get(key);
      if (!table) byLength.set(key, (table = { hostBits: BigInt(bitsOf(family) - length), clients: new Map() }));
      table.clients.set(value >> table.hostBits, 'problem' in client ? 'no-secret' : client);
    }
    for (const family of families) {
      const own = [...byLength].filter(([key]) => key.startsWith(`${family}/`)).map(([, table]) => table);
      this.lengths[family] = own.sort((a, b) => (a.hostBits < b.hostBits ? -1 : 1));
    }
    this.unusable = unusable;
  }

  /** `source` as the socket gives it: a v4-mapped form or a zone id is understood. */
  find(source: string): Client | 'no-secret' | null {
    const known = this.remembered.get(source);
    if (known !== undefined) return known;
    const address = parseAddress(plainAddress(source));
    const found = address ? this.longestMatch(address) : null;
    if (this.remembered.size >= maxRemembered) this.remembered.clear();
    this.remembered.set(source, found);
    return found;
  }

  private longestMatch({ family, value }: Address): Client | 'no-secret' | null {
    for (const { hostBits, clients } of this.lengths[family]) {
      const client = clients.get(value >> hostBits);
      if (client) return client;
    }
    return null;
  }
}

/** Canonical text of a source address: `::ffff:10.0.0.1` of a dual-stack socket is `10.0.0.1`. */
export function plainAddress(source: string): string {
  if (!source.includes(':')) return source;
  const withoutZone = source.split('%', 1)[0]!;
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(withoutZone) ? withoutZone.slice('::ffff:'.length) : withoutZone;
}

function resolveClient(nas: NasEntry, secretOf: (reference: string) => SecretLookup): Client | { problem: string } {
  const found = secretOf(nas.secret);
  if ('problem' in found) return found;
  try {
    return { nas, secret: new Secret(found.secret) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : 'the secret is not usable' };
  }
}
