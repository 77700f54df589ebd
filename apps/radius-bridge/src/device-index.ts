import { unknownClass, type DeviceChange, type DevicePosture } from '#model';
import type { Mac } from '#net';
import { Mirror, type MirrorChange, type MirrorRow } from './mirror.js';

export interface DeviceKey {
  readonly class: string;
  readonly posture: DevicePosture;
}

export const unknownDevice: DeviceKey = { class: unknownClass, posture: 'normal' };

/** Rows of an index: MAC, class, posture. */
export type DeviceRow = readonly [mac: string, deviceClass: string, posture: DevicePosture];

/** What a feed message means for the copy on disk. */
export interface IndexChange extends MirrorChange<DeviceChange> {
  readonly kind: 'devices';
}

/** MAC → what the data plane must know to decide. It is a copy of the controller's; the bridge never decides a class. */
export class DeviceIndex {
  private readonly devices = new Mirror<DeviceKey>();
  private readonly keys = new Map<string, DeviceKey>();

  /** The revision to ask the controller for changes since. */
  get revision(): number {
    return this.devices.revision;
  }

  get size(): number {
    return this.devices.size;
  }

  find(mac: string): DeviceKey {
    return this.devices.get(mac) ?? unknownDevice;
  }

  /** All of them, as a feed would bring them. */
  *each(): Generator<DeviceChange> {
    for (const [mac, { class: name, posture }] of this.devices.entries())
      yield { mac: mac as Mac, class: name, posture };
  }

  load(rows: readonly DeviceRow[], revision: number): void {
    const keyed = rows.values().map(([mac, name, posture]) => [mac, this.keyOf(name, posture)] as const);
    this.devices.load(keyed, revision);
  }

  /** A broken connection ends a reset that was under way: it will be asked for again. */
  disconnected(): void {
    this.devices.disconnected();
  }

  apply(reset: boolean, revision: number, changes: readonly DeviceChange[]): IndexChange {
    const rowOf = (change: DeviceChange): MirrorRow<DeviceKey> => [
      change.mac,
      'deleted' in change ? null : this.keyOf(change.class, change.posture),
    ];
    return { kind: 'devices', ...this.devices.apply(reset, revision, changes, rowOf) };
  }

  /** The controller has sent all it had: completes a reset. Null when none was under way. */
  settle(): IndexChange | null {
    const settled = this.devices.settle();
    return settled && { kind: 'devices', ...settled };
  }

  /** Few distinct keys, many devices: share the objects. */
  private keyOf(deviceClass: string, posture: DevicePosture): DeviceKey {
    const text = `${posture} ${deviceClass}`;
    let key = this.keys.get(text);
    if (!key) this.keys.set(text, (key = { class: deviceClass, posture }));
    return key;
  }
}
