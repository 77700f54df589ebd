import { unknownClass, type DeviceChange, type DevicePosture } from '#model';

export interface DeviceKey {
  readonly class: string;
  readonly posture: DevicePosture;
}

export const unknownDevice: DeviceKey = { class: unknownClass, posture: 'normal' };

/** Rows of an index: MAC, class, posture. */
export type DeviceRow = readonly [mac: string, deviceClass: string, posture: DevicePosture];

/** What a feed message means for the copy on disk. `prune`: rows that the running reset has not named are gone. */
export interface IndexChange {
  readonly kind: 'devices';
  readonly reset: boolean;
  readonly prune: boolean;
  /** Null while a reset is under way: until it is complete, the revision on disk must ask for it again. */
  readonly revision: number | null;
  readonly changes: readonly DeviceChange[];
}

/**
 * MAC → what the data plane must know to decide. It is a copy of the controller's; the bridge never decides a class.
 *
 * A reset comes in several messages. Emptying the index at the first would make every device unknown until the last one
 * has come, so rows are replaced as they arrive, and those that the reset did not name go at the next ping.
 */
export class DeviceIndex {
  private readonly devices = new Map<string, DeviceKey>();
  private readonly keys = new Map<string, DeviceKey>();
  private named: Set<string> | null = null;
  private completeRevision = 0;
  private latestRevision = 0;

  /** The revision to ask the controller for changes since. */
  get revision(): number {
    return this.completeRevision;
  }

  get size(): number {
    return this.devices.size;
  }

  find(mac: string): DeviceKey {
    return this.devices.get(mac) ?? unknownDevice;
  }

  load(rows: readonly DeviceRow[], revision: number): void {
    for (const [mac, deviceClass, posture] of rows) this.devices.set(mac, this.keyOf(deviceClass, posture));
    this.completeRevision = this.latestRevision = revision;
  }

  /** A broken connection ends a reset that was under way: it will be asked for again. */
  disconnected(): void {
    this.named = null;
    this.latestRevision = this.completeRevision;
  }

  apply(reset: boolean, revision: number, changes: readonly DeviceChange[]): IndexChange {
    if (reset) this.named = new Set();
    for (const change of changes) {
      if ('deleted' in change) {
        this.devices.delete(change.mac);
        this.named?.delete(change.mac);
      } else {
        this.devices.set(change.mac, this.keyOf(change.class, change.posture));
        this.named?.add(change.mac);
      }
    }
    this.latestRevision = revision;
    if (!this.named) this.completeRevision = revision;
    return { kind: 'devices', reset, prune: false, revision: this.named ? null : revision, changes };
  }

  /** The controller has sent all it had: completes a reset. Null when none was under way. */
  settle(): IndexChange | null {
    const named = this.named;
    if (!named) return null;
    for (const mac of this.devices.keys()) if (!named.has(mac)) this.devices.delete(mac);
    this.named = null;
    this.completeRevision = this.latestRevision;
    return { kind: 'devices', reset: false, prune: true, revision: this.latestRevision, changes: [] };
  }

  /** Few distinct keys, many devices: share the objects. */
  private keyOf(deviceClass: string, posture: DevicePosture): DeviceKey {
    const text = `${posture} ${deviceClass}`;
    let key = this.keys.get(text);
    if (!key) this.keys.set(text, (key = { class: deviceClass, posture }));
    return key;
  }
}
