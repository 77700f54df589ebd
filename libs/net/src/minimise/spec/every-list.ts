import type { PacketRegion } from '../abilities.js';

/*
 * A universe so small that the shortest list of every set is known: TCP over IPv4; the four addresses of one /30 and all
 * others as one; ports 0 to 2 and all others as one. A set is a bit for each of the 5 × 4 cells.
 */
const addressCells = 5;
const portCells = 4;
export const cells = addressCells * portCells;

const base = 10n << 24n;
const tcp = 6 * 0x1_0000;

const bit = (address: number, port: number): number => 1 << (address * portCells + port);
const product = (addresses: readonly number[], ports: readonly number[]): number =>
  addresses.reduce((sum, address) => ports.reduce((inner, port) => inner | bit(address, port), sum), 0);

/** What one line can match: the prefixes of the tree and "any", by all intervals of ports. */
const prefixes = [[0], [1], [2], [3], [0, 1], [2, 3], [0, 1, 2, 3], [0, 1, 2, 3, 4]];
const intervals = [[0], [1], [2], [3], [0, 1], [1, 2], [2, 3], [0, 1, 2], [1, 2, 3], [0, 1, 2, 3]];
const matches = prefixes.flatMap((addresses) => intervals.map((ports) => product(addresses, ports)));

/** By set: the lines of its shortest list. Found from the empty list upwards, one line on top at a time. */
export function shortestOfAll(): Uint8Array {
  const unknown = 255;
  const lengths = new Uint8Array(1 << cells).fill(unknown);
  lengths[0] = 0;
  let last = [0];
  for (let length = 1; last.length > 0; length++) {
    const next: number[] = [];
    for (const set of last) {
      for (const match of matches) {
        for (const made of [set | match, set & ~match]) {
          if (lengths[made] !== unknown) continue;
          lengths[made] = length;
          next.push(made);
        }
      }
    }
    last = next;
  }
  return lengths;
}

export function regionsOfSet(set: number): PacketRegion[] {
  const regions: PacketRegion[] = [];
  for (let address = 0; address < addressCells; address++) {
    for (let port = 0; port < portCells; port++) {
      if ((set & bit(address, port)) === 0) continue;
      const host = base + BigInt(address);
      const others = [
        { first: 0n, last: base - 1n },
        { first: base + 4n, last: 0xffff_ffffn },
      ];
      regions.push({
        addresses: { v4: address < 4 ? [{ first: host, last: host }] : others, v6: [] },
        services: [{ first: tcp + port, last: tcp + (port < 3 ? port : 0xffff) }],
        sourcePorts: null,
        established: false,
      });
    }
  }
  return regions;
}
