import { unknownClass, type DeviceChange, type DevicePosture } from '#model';
import type { Mac } from '#net';
import { Mirror, type MirrorChange, type MirrorRow } from './mirror.js';

export interface DeviceKey {
  readonly class: string;
  readonly posture: DevicePosture;
}

export const unknownDevice: DeviceKey = { class: unknownClass, posture: 'normal' };

/** Rows of an index; `serial` is empty where there is none. */
export type DeviceRow = readonly [mac: string, deviceClass: string, posture: DevicePosture, serial: string];

interface Entry {
  readonly key: DeviceKey;
  readonly serial: string;
}

/** What a feed message means for the copy on disk. */
export interface IndexChange extends MirrorChange<DeviceChange> {
  readonly kind: 'devices';
}

/** MAC → what the data plane must know to decide. It is a copy of the controller's; the bridge never decides a class. */
export class DeviceIndex {
  private readonly devices = new Mirror<Entry>();
  /** Those without a serial number, by posture and class. */
  private readonly shared = new Map<string, Entry>();

  /** The revision to ask the controller for changes since. */
  get revision(): number {
    return this.devices.revision;
  }

  get size(): number {
    return this.devices.size;
  }

  find(mac: string): DeviceKey {
    return this.devices.get(mac)?.key ?? unknownDevice;
  }

  /** Empty: its record has none; null: there is no record. */
  serialOf(mac: Mac): string | null {
    return this.devices.get(mac)?.serial ?? null;
  }

  /** All of them, as a feed would bring them. */
  *each(): Generator<DeviceChange> {
    for (const [mac, { key, serial }] of this.devices.entries())
      yield { mac: mac as Mac, class: key.class, posture: key.posture, ...(serial !== '' && { serial }) };
  }

  load(rows: readonly DeviceRow[], revision: number): void {
    const entries = rows
      .values()
      .map(([mac, name, posture, serial]) => [mac, this.entryOf(name, posture, serial)] as const);
    this.devices.load(entries, revision);
  }

  /** A broken connection ends a reset that was under way: it will be asked for again. */
  disconnected(): void {
    this.devices.disconnected();
  }

  apply(reset: boolean, revision: number, changes: readonly DeviceChange[]): IndexChange {
    const rowOf = (change: DeviceChange): MirrorRow<Entry> => [
      change.mac,
      'deleted' in change ? null : this.entryOf(change.class, change.posture, change.serial ?? ''),
    ];
    return { kind: 'devices', ...this.devices.apply(reset, revision, changes, rowOf) };
  }

  /** The controller has sent all it had: completes a reset. Null when none was under way. */
  settle(): IndexChange | null {
    const settled = this.devices.settle();
    return settled && { kind: 'devices', ...settled };
  }

  /** Few distinct keys, many devices: share the objects, and whole entries where no serial number is in them. */
  private entryOf(deviceClass: string, posture: DevicePosture, serial: string): Entry {
    const text = `${posture} ${deviceClass}`;
    let entry = this.shared.get(text);
    if (!entry) this.shared.set(text, (entry = { key: { class: deviceClass, posture }, serial: '' }));
    return serial === '' ? entry : { key: entry.key, serial };
  }
}
