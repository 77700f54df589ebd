import { type Address, type AddressRange, rangesOf } from '#net';
import type { Snapshot } from '#policy';
import type { Device } from './inventory.ts';
import { Numbers } from './numbers.ts';

/** A packet as a firewall sees it: addresses only, no classes. */
export interface WirePacket {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly port: number;
}

/** Which address is a device of which class now. */
export type Memberships = ReadonlyMap<string, { readonly address: Address; readonly class: string }>;

export const addressKey = ({ family, value }: Address): string => `${family} ${value}`;

export const membershipsOf = (devices: readonly Device[]): Memberships =>
  new Map(devices.map(({ address, role }) => [addressKey(address), { address, class: role }]));

/** Half from a device, half towards one; the far side an endpoint, a device or a stranger; ports that rules name and others. */
export function packetsOf(snapshot: Snapshot, devices: readonly Device[], count: number, seed: number): WirePacket[] {
  const numbers = new Numbers(seed);
  const internet = snapshot.endpoints.find(({ name }) => name === 'internet');
  const servers = snapshot.endpoints.filter((endpoint) => endpoint !== internet).flatMap((e) => rangesOf(e.addresses));
  const services = snapshot.applications.filter(({ name }) => name !== 'any').flatMap((a) => a.services);
  return Array.from({ length: count }, (): WirePacket => {
    const near = numbers.pick(devices).address;
    const far = drawFar(near.family, servers, devices, numbers);
    const { first, last } = numbers.pick(services);
    const key = numbers.chance(0.8) ? first + numbers.below(last - first + 1) : (6 << 16) + numbers.below(65_536);
    const [source, destination] = numbers.chance(0.5) ? [near, far] : [far, near];
    return { source, destination, protocol: key >>> 16, port: key & 0xffff };
  });
}

function drawFar(
  family: 4 | 6,
  servers: readonly AddressRange[],
  devices: readonly Device[],
  numbers: Numbers,
): Address {
  const dice = numbers.next();
  if (dice < 0.1) return numbers.pick(devices).address;
  if (dice < 0.2)
    return { family, value: (family === 4 ? 0x0b00_0000n : 0x2001_0db9n << 96n) + BigInt(numbers.below(2 ** 24)) };
  const { family: kind, first, last } = numbers.pick(servers);
  return { family: kind, value: first + (BigInt(numbers.below(2 ** 32)) % (last - first + 1n)) };
}
