import { list, type Numbers } from './numbers.ts';
import { drawOffers } from './hospital.ts';
import type { PolicyParameters } from './parameters.ts';

/** Neighbouring servers that offer the same: their addresses merge into one or two prefixes. */
interface Farm {
  readonly name: string;
  readonly servers: readonly string[];
  readonly offers: readonly string[];
}

export interface Servers {
  readonly catalog: string;
  readonly membership: readonly string[];
  /** At least two. */
  readonly shared: readonly Farm[];
  readonly byDepartment: ReadonlyMap<string, readonly Farm[]>;
  /** Outside, on the internet. */
  readonly vendors: readonly string[];
}

const shareOfVendors = 0.03;
const shareOfSharedFarms = 0.1;
/** Addresses from one farm to the next. */
const stride = 8;
const mostBlocks = 8;

export function drawServers(
  { endpoints, prefixesPerEndpoint, ipv6, wideFarms }: PolicyParameters,
  departments: readonly string[],
  numbers: Numbers,
): Servers {
  if (prefixesPerEndpoint > mostBlocks) throw new Error(`a server has at most ${mostBlocks} addresses of a family`);
  const vendors = list(Math.max(1, Math.round(endpoints * shareOfVendors)), (i) => `vendor-${i}`);
  const catalog = vendors.map(
    (name, i) => `${name}: { addresses: ["2001:db8::${(i + 1).toString(16)}", ${outside(i)}] }`,
  );
  const farms: Farm[] = [];
  for (let left = endpoints - vendors.length; left > 0;) {
    const size = Math.min(left, 2 + numbers.below(3));
    const farm = farms.length;
    const hasIpv6 = numbers.chance(ipv6);
    const servers = list(size, (i) => `server-${farm}-${i}`);
    for (const [i, name] of servers.entries()) {
      const addresses = list(prefixesPerEndpoint, (block) => [
        inside(block, farm, i),
        ...(hasIpv6 ? [`"fd10:${block}:${farm.toString(16)}::${(4 + i).toString(16)}"`] : []),
      ]);
      catalog.push(`${name}: { addresses: [${addresses.flat().join(', ')}] }`);
    }
    farms.push({ name: `farm-${farm}`, servers, offers: drawOffers(wideFarms, numbers) });
    left -= size;
  }
  const sharedCount = Math.max(2, Math.round(farms.length * shareOfSharedFarms));
  const shared = farms.slice(0, sharedCount);
  const owned = farms.slice(sharedCount);
  if (owned.length < departments.length) throw new Error('too few endpoints: each department needs a farm of servers');
  const ownerOf = (i: number): string => departments[i % departments.length]!;
  const byDepartment = new Map(
    departments.map((name, d) => [name, owned.filter((_, i) => i % departments.length === d)]),
  );
  return {
    catalog: ['internal: { addresses: [10.0.0.0/8, 172.16.0.0/12, "fd00::/8"] }', ...catalog].join('\n'),
    membership: [
      ...farms.flatMap(({ name, servers }) => servers.map((server) => `g, ${server}, ${name}`)),
      ...shared.map(({ name }) => `g, ${name}, servers-for-all`),
      ...owned.map(({ name }, i) => `g, ${name}, servers-of-${ownerOf(i)}`),
    ],
    shared,
    byDepartment,
    vendors,
  };
}

/** In 10.0.0.0/9, a sixteenth of 10.0.0.0/8 for each block. */
function inside(block: number, farm: number, server: number): string {
  const value = farm * stride + server;
  if (value >= 2 ** 20) throw new Error('more farms of servers than a block has room for');
  return `10.${block * 16 + (value >> 16)}.${(value >> 8) & 255}.${value & 255}`;
}

const outside = (i: number): string => `198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
