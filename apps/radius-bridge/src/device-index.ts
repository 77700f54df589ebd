import {
  noOrders,
  unknownClass,
  type BreakGlassOrder,
  type DeviceChange,
  type DevicePosture,
  type Orders,
} from '#model';
import type { Mac } from '#net';
import { Mirror, type MirrorChange, type MirrorRow } from './mirror.js';

export interface DeviceKey {
  readonly class: string;
  readonly posture: DevicePosture;
}

export const unknownDevice: DeviceKey = { class: unknownClass, posture: 'normal' };

/** Rows of an index; `serial` and `inUse` are empty where there is none. */
export type DeviceRow = readonly [
  mac: string,
  deviceClass: string,
  posture: DevicePosture,
  serial: string,
  inUse: string,
];

interface Entry {
  readonly key: DeviceKey;
  readonly serial: string;
  readonly inUse: string;
}

/** What a feed message means for the copy on disk. */
export interface IndexChange extends MirrorChange<DeviceChange> {
  readonly kind: 'devices';
}

/** MAC → what the data plane must know to decide. It is a copy of the controller's; the bridge never decides a class. */
export class DeviceIndex {
  constructor(private readonly now: () => number = Date.now) {}

  private readonly devices = new Mirror<Entry>();
  private orders: Orders = noOrders;
  /** What devices count as by an order: one object each, so that it is known again. */
  private opened = new Map<BreakGlassOrder, DeviceKey>();
  /** Those without a serial number and not in use, by posture and class. */
  private readonly shared = new Map<string, Entry>();

  /** The revision to ask the controller for changes since. */
  get revision(): number {
    return this.devices.revision;
  }

  get size(): number {
    return this.devices.size;
  }

  find(mac: string): DeviceKey {
    const key = this.devices.get(mac)?.key ?? unknownDevice;
    return this.opened.size === 0 ? key : (this.openedFor(mac, key) ?? key);
  }

  /** It counts as another class than its own, by an order. */
  isOpened(mac: string): boolean {
    return this.opened.size > 0 && this.openedFor(mac, this.devices.get(mac)?.key ?? unknownDevice) !== null;
  }

  /** Since when it is in clinical use; null: it is not. */
  inUseSince(mac: string): Date | null {
    const inUse = this.devices.get(mac)?.inUse ?? '';
    return inUse === '' ? null : new Date(inUse);
  }

  /** Orders hold until their time even if nobody says that they are over. */
  order(orders: Orders): void {
    this.orders = orders;
    this.opened = new Map(orders.breakGlass.map((order) => [order, { class: order.as, posture: 'normal' }]));
  }

  get ordered(): Orders {
    return this.orders;
  }

  /** An order for the device goes before one for its class. */
  private openedFor(mac: string, { class: own }: DeviceKey): DeviceKey | null {
    const now = this.now();
    let found: DeviceKey | null = null;
    for (const [order, key] of this.opened) {
      if (Date.parse(order.until) <= now) continue;
      if (order.mac === mac) return key;
      if (order.class === own) found = key;
    }
    return found;
  }

  /** Empty: its record has none; null: there is no record. */
  serialOf(mac: Mac): string | null {
    return this.devices.get(mac)?.serial ?? null;
  }

  /** All of them, as a feed would bring them. */
  *each(): Generator<DeviceChange> {
    for (const [mac, { key, serial, inUse }] of this.devices.entries())
      yield {
        mac: mac as Mac,
        class: key.class,
        posture: key.posture,
        ...(serial !== '' && { serial }),
        ...(inUse !== '' && { inUse }),
      };
  }

  load(rows: readonly DeviceRow[], revision: number): void {
    const entries = rows
      .values()
      .map(([mac, name, posture, serial, inUse]) => [mac, this.entryOf(name, posture, serial, inUse)] as const);
    this.devices.load(entries, revision);
  }

  /** A broken connection ends a reset that was under way: it will be asked for again. */
  disconnected(): void {
    this.devices.disconnected();
  }

  apply(reset: boolean, revision: number, changes: readonly DeviceChange[]): IndexChange {
    const rowOf = (change: DeviceChange): MirrorRow<Entry> => [
      change.mac,
      'deleted' in change ? null : this.entryOf(change.class, change.posture, change.serial ?? '', change.inUse ?? ''),
    ];
    return { kind: 'devices', ...this.devices.apply(reset, revision, changes, rowOf) };
  }

  /** The controller has sent all it had: completes a reset. Null when none was under way. */
  settle(): IndexChange | null {
    const settled = this.devices.settle();
    return settled && { kind: 'devices', ...settled };
  }

  /** Few distinct keys, many devices: share the objects, and whole entries where nothing of one device is in them. */
  private entryOf(deviceClass: string, posture: DevicePosture, serial: string, inUse: string): Entry {
    const text = `${posture} ${deviceClass}`;
    let entry = this.shared.get(text);
    if (!entry) this.shared.set(text, (entry = { key: { class: deviceClass, posture }, serial: '', inUse: '' }));
    return serial === '' && inUse === '' ? entry : { key: entry.key, serial, inUse };
  }
}
