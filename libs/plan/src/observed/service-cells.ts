import { serviceAlgebra } from '#net';
import type { Snapshot } from '#policy';
import { portTexts } from '../flows/names.js';
import { lastAtOrBelow } from './address-cells.js';

/** The same for services: ports between two borders are alike to both policies, and are reported together. */
export class ServiceCells {
  private readonly borders: readonly number[];
  private readonly names = new Map<number, string>();

  constructor(
    private readonly before: Snapshot,
    after: Snapshot,
  ) {
    // Protocols apart, so that a cell can be named.
    const borders = new Set<number>(Array.from({ length: 256 }, (_, protocol) => protocol * 0x1_0000));
    for (const { services } of [...before.applications, ...after.applications])
      for (const { first, last } of services) borders.add(first).add(last + 1);
    borders.delete(0x100_0000);
    this.borders = [...borders].sort((a, b) => a - b);
  }

  of(key: number): number {
    return lastAtOrBelow(this.borders, key);
  }

  keyIn(cell: number): number {
    return this.borders[cell]!;
  }

  /** The smallest application that holds the cell (of equals the one that rules use most), else its ports. */
  nameOf(cell: number): string {
    const known = this.names.get(cell);
    if (known !== undefined) return known;
    const first = this.borders[cell]!;
    const last = (this.borders[cell + 1] ?? 0x100_0000) - 1;
    const size = ({ services }: { services: readonly { first: number; last: number }[] }): number =>
      services.reduce((sum, interval) => sum + interval.last - interval.first + 1, 0);
    const holders = this.before.applications
      .filter(({ name, services }) => name !== 'any' && serviceAlgebra.contains(services, first))
      .sort((a, b) => size(a) - size(b) || this.useOf(b.name) - this.useOf(a.name) || (a.name < b.name ? -1 : 1));
    const ports = portTexts([{ first, last }]).join(', ') || `ip/${first >>> 16}`;
    const name = holders[0] ? `${holders[0].name} (${ports})` : ports;
    this.names.set(cell, name);
    return name;
  }

  private useOf(application: string): number {
    return this.before.flowRules.filter((rule) => rule.application === application).length;
  }
}
