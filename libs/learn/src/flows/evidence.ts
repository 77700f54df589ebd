import type { Evidence } from './learned.js';

/** What was seen of something, while it is counted. Instants in milliseconds. */
export class Sightings {
  connections = 0;
  first = Infinity;
  last = -Infinity;
  readonly devices = new Set<number>();

  /** `example`: index of some connection. */
  constructor(readonly example: number) {}

  add(device: number, first: number, last: number, times: number): void {
    this.connections += times;
    this.devices.add(device);
    if (first < this.first) this.first = first;
    if (last > this.last) this.last = last;
  }
}

/** All of them together, told with the example of the first. */
export function evidenceOf(all: readonly Sightings[], exampleText: (connection: number) => string): Evidence {
  const devices = new Set(all.flatMap((one) => [...one.devices]));
  return {
    connections: all.reduce((sum, { connections }) => sum + connections, 0),
    devices: devices.size,
    firstSeen: new Date(all.reduce((least, { first }) => Math.min(least, first), Infinity)).toISOString(),
    lastSeen: new Date(all.reduce((most, { last }) => Math.max(most, last), -Infinity)).toISOString(),
    example: exampleText(all[0]!.example),
  };
}
