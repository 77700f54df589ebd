import type { Credential, CredentialChange } from '#model';
import { Mirror, type MirrorChange, type MirrorRow } from './mirror.js';

/** What a feed message means for the copy on disk. */
export interface CredentialsChange extends MirrorChange<CredentialChange> {
  readonly kind: 'credentials';
}

/**
 * User name → whose it is and what proves it. It is a copy of the controller's. It does not check a password; who does must
 * also see that the device on the port is the credential's.
 */
export class CredentialIndex {
  private readonly ofDevice = new Map<string, number>();
  private readonly credentials = new Mirror<Credential>((before, now) => {
    this.count(before, -1);
    this.count(now, 1);
    if (before) this.touched.add(before.mac);
    if (now) this.touched.add(now.mac);
  });
  private touched = new Set<string>();

  /** The revision to ask the controller for changes since. */
  get revision(): number {
    return this.credentials.revision;
  }

  get size(): number {
    return this.credentials.size;
  }

  /** The name is compared byte for byte. */
  find(username: string): Credential | null {
    return this.credentials.get(username) ?? null;
  }

  /** A device without any has nothing left that a session by password could stand on. */
  hasDevice(mac: string): boolean {
    return this.ofDevice.has(mac);
  }

  load(rows: readonly Credential[], revision: number): void {
    this.credentials.load(
      rows.values().map((row) => [row.username, row] as const),
      revision,
    );
    for (const row of rows) this.count(row, 1);
  }

  /** A broken connection ends a reset that was under way: it will be asked for again. */
  disconnected(): void {
    this.credentials.disconnected();
  }

  apply(reset: boolean, revision: number, changes: readonly CredentialChange[]): CredentialsChange {
    return { kind: 'credentials', ...this.credentials.apply(reset, revision, changes, rowOf) };
  }

  /** The controller has sent all it had: completes a reset. Null when none was under way. */
  settle(): CredentialsChange | null {
    const settled = this.credentials.settle();
    return settled && { kind: 'credentials', ...settled };
  }

  /** Devices whose credentials changed since this was asked last: their sessions by password must be looked at again. */
  takeTouched(): ReadonlySet<string> {
    const { touched } = this;
    this.touched = new Set();
    return touched;
  }

  private count(row: Credential | undefined, by: 1 | -1): void {
    if (!row) return;
    const left = (this.ofDevice.get(row.mac) ?? 0) + by;
    if (left === 0) this.ofDevice.delete(row.mac);
    else this.ofDevice.set(row.mac, left);
  }
}

const rowOf = (change: CredentialChange): MirrorRow<Credential> => [
  change.username,
  'deleted' in change ? null : change,
];
