import { compareText, type Diagnostic } from '#base';
import type { Posture } from '#model';
import type { NasEntry, Snapshot } from '#policy';
import { finding } from '../codes.js';
import type { Inventory, InventoryDevice } from '../inventory/inventory.js';

/** Devices that a policy can't tell apart: it gives all of them the same. */
export interface DeviceGroup {
  readonly class: string;
  readonly site: string;
  readonly posture: Posture;
  /** Null: the inventory names no switch, or one that no policy has. */
  readonly nas: string | null;
  readonly count: number;
  /** The first ids, in order. */
  readonly sample: readonly string[];
}

export interface GroupedDevices {
  readonly groups: readonly DeviceGroup[];
  /** Index of an inventory device → its group; null: no policy knows its class or its site. */
  readonly groupOf: readonly (DeviceGroup | null)[];
  readonly total: number;
  readonly unplaced: number;
  readonly findings: readonly Diagnostic[];
}

const sampleSize = 5;

/** Groups the inventory by what access rules look at. Names that no policy knows are findings, and their devices are counted. */
export function groupDevices(inventory: Inventory, before: Snapshot, after: Snapshot): GroupedDevices {
  const known = {
    class: new Set([...before.classes, ...after.classes].map(({ name }) => name)),
    site: new Set([...before.sites, ...after.sites].map(({ name }) => name)),
    nas: new Map<string, NasEntry>([...before.nas, ...after.nas].map((nas) => [nas.name, nas])),
  };
  const unknown = new UnknownNames(inventory.file);
  const found = new Map<string, { group: { -readonly [K in keyof DeviceGroup]: DeviceGroup[K] }; ids: string[] }>();
  const groupOf: (DeviceGroup | null)[] = [];
  let total = 0;
  let unplaced = 0;
  for (const device of inventory.devices) {
    total += device.count;
    const entry = device.nas === null ? null : (known.nas.get(device.nas) ?? null);
    if (device.nas !== null && !entry) unknown.add('nas', device.nas, device);
    const site = device.site ?? entry?.site ?? null;
    const hasSite = site !== null && known.site.has(site);
    if (site !== null && !hasSite) unknown.add('site', site, device);
    if (!known.class.has(device.class)) unknown.add('class', device.class, device);
    if (!hasSite || !known.class.has(device.class)) {
      unplaced += device.count;
      groupOf.push(null);
      continue;
    }
    const key = `${device.class} ${site} ${device.posture} ${entry?.name ?? ''}`;
    let own = found.get(key);
    if (!own) {
      const { class: name, posture } = device;
      const group = { class: name, site, posture, nas: entry?.name ?? null, count: 0, sample: [] };
      found.set(key, (own = { group, ids: [] }));
    }
    own.group.count += device.count;
    if (device.id !== null) own.ids.push(device.id);
    groupOf.push(own.group);
  }
  for (const { group, ids } of found.values()) group.sample = ids.sort(compareText).slice(0, sampleSize);
  const groups = [...found.values()].map(({ group }) => group).sort(compareGroups);
  return { groups, groupOf, total, unplaced, findings: unknown.findings() };
}

function compareGroups(a: DeviceGroup, b: DeviceGroup): number {
  return (
    compareText(a.class, b.class) ||
    compareText(a.site, b.site) ||
    compareText(a.posture, b.posture) ||
    compareText(a.nas ?? '', b.nas ?? '')
  );
}

type Kind = 'class' | 'site' | 'nas';

const remedies: Readonly<Record<Kind, string>> = {
  class: 'correct the inventory, or add the class to catalog/classes.yaml: these devices are in no part of this plan',
  site: 'correct the inventory, or add the site to catalog/sites.yaml: these devices are in no part of this plan',
  nas: 'correct the inventory, or add the switch to network/nas.yaml: what these devices are told is not known',
};

/** One finding per name, at the first row that has it. */
class UnknownNames {
  private readonly found = new Map<string, { kind: Kind; name: string; line: number; count: number }>();

  constructor(private readonly file: string) {}

  add(kind: Kind, name: string, device: InventoryDevice): void {
    const key = `${kind} ${name}`;
    const entry = this.found.get(key);
    if (entry) entry.count += device.count;
    else this.found.set(key, { kind, name, line: device.line, count: device.count });
  }

  findings(): Diagnostic[] {
    return [...this.found.values()].map(({ kind, name, line, count }) => {
      const what = kind === 'nas' ? 'switch' : kind;
      const devices = `${count} device${count === 1 ? '' : 's'}`;
      const summary = `\`${name}\` is no ${what} of either policy: ${devices}`;
      return finding(`inventory-unknown-${kind}`, summary, remedies[kind], { file: this.file, line });
    });
  }
}
