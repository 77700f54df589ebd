import { portOf, protocolOf, rangesOf, serviceKey, type Address, type AddressRange } from '#net';
import type { Snapshot } from '#policy';
import { flowsOf, type Device } from './inventory.ts';
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

/**
 * Half are flows of devices, which the policy allows for the most part. Of the others, half come from a device and half go
 * to one; the far side is an endpoint, a device or a stranger, the port one that some rule names or any.
 */
export function packetsOf(snapshot: Snapshot, devices: readonly Device[], count: number, seed: number): WirePacket[] {
  const numbers = new Numbers(seed);
  const flows = flowsOf(snapshot, devices, count, seed);
  const servers = snapshot.endpoints
    .filter(({ name }) => name !== 'internet')
    .flatMap(({ addresses }) => rangesOf(addresses));
  const services = snapshot.applications.filter(({ name }) => name !== 'any').flatMap((one) => one.services);
  const packets = Array.from(flows, ({ source, destination, protocol, port }): WirePacket => {
    if (numbers.chance(0.5)) return { source, destination, protocol, port };
    const near = numbers.pick(devices).address;
    const far = drawFar(near.family, servers, devices, numbers);
    const { first, last } = numbers.pick(services);
    const key = numbers.chance(0.8) ? first + numbers.below(last - first + 1) : serviceKey(6, numbers.below(65_536));
    const [from, to] = numbers.chance(0.5) ? [near, far] : [far, near];
    return { source: from, destination: to, protocol: protocolOf(key), port: portOf(key) };
  });
  return packets.map((packet) => ({
    ...packet,
    source: offTheWire(packet.source),
    destination: offTheWire(packet.destination),
  }));
}

/** A packet brings its addresses along: it shares no object with the devices that have them, wherever those lie in memory. */
const offTheWire = ({ family, value }: Address): Address => ({ family, value: BigInt(value.toString()) });

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
