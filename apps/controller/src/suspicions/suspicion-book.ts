import { unknownClass, type FingerprintField } from '#model';
import type { Mac } from '#net';
import { suspicionAction, type Snapshot } from '#policy';
import { In, type EntityManager } from 'typeorm';
import { findDevices, saveDevices } from '../devices/device-store.js';
import { readerOf } from '../store/many-rows.js';
import { suspicions, type DeviceRow, type SuspicionRow } from '../store/rows.js';
import { enqueueEvents } from '../webhooks/outbox.js';
import type { Finding, Relief, Sighting } from './sightings.js';

const readSuspicions = readerOf(suspicions, 'mac');

/** Who acts, in the audit trail. */
const actor = 'system';
const keyOf = ({ mac, kind }: Pick<SuspicionRow, 'mac' | 'kind'>): string => `${mac} ${kind}`;

/**
 * Enters findings: one suspicion of a kind is open for a device at a time, and is counted when it is seen again. A device is put into
 * quarantine once for each: whoever releases it has decided, and seeing the same again does not undo that.
 */
export class SuspicionBook {
  private open = new Map<string, SuspicionRow>();
  private dismissed: readonly SuspicionRow[] = [];
  private devices: ReadonlyMap<Mac, DeviceRow> = new Map();
  private hasQuarantined = false;

  constructor(
    private readonly tx: EntityManager,
    private readonly snapshot: Snapshot,
    private readonly now: Date,
  ) {}

  /** Answers whether a device was put into quarantine. */
  async enter(findings: readonly Finding[]): Promise<boolean> {
    const sightings = findings.flatMap((finding) => ('sighting' in finding ? finding.sighting : []));
    const macs = [
      ...new Set(findings.map((finding) => ('sighting' in finding ? finding.sighting : finding.relief).mac)),
    ];
    const open = (await readSuspicions(this.tx, macs)).filter(({ state }) => state === 'open');
    this.open = new Map(open.map((row) => [keyOf(row), row]));
    if (sightings.length === 0 && open.length === 0) return false;
    const suspects = [...new Set(sightings.map(({ mac }) => mac))];
    const lasting = In(['vendor', 'fingerprint']);
    this.dismissed = await this.tx.findBy(suspicions, { mac: In(suspects), state: 'dismissed', kind: lasting });
    this.devices = await findDevices(this.tx, suspects);
    for (const finding of findings) {
      if ('relief' in finding) await this.relieve(finding.relief);
      else await this.raise(finding.sighting);
    }
    return this.hasQuarantined;
  }

  private async relieve({ mac, kind, covers, reason }: Relief): Promise<void> {
    const row = this.open.get(keyOf({ mac, kind }));
    if (!row || !covers(row)) return;
    Object.assign(row, { state: 'over', closedAt: this.now.toISOString(), closedBy: actor, closedBecause: reason });
    this.open.delete(keyOf(row));
    await this.tx.save(suspicions, row);
  }

  private async raise(sighting: Sighting): Promise<void> {
    const { mac, kind, at, isRefused, isNew } = sighting;
    const device = this.devices.get(mac);
    const name = sighting.class ?? device?.class ?? unknownClass;
    const action = suspicionAction(this.snapshot, name, kind);
    const known = this.open.get(keyOf(sighting));
    if (action === 'ignore' || (!known && this.isDismissed(sighting, name))) return;
    // A device without a record has no posture, and no rights to lose but those of class `unknown`.
    const isWanted = action === 'quarantine' && device && !isRefused && known?.action !== 'quarantine';
    if (known && !isNew && !isWanted) return;
    const { nas, nasPort, reason, said } = sighting;
    const seen = { class: name, nas, nasPort, reason, said, lastSeenAt: at };
    const row: SuspicionRow = known
      ? Object.assign(known, seen, { count: known.count + 1 })
      : await this.insert({ ...seen, mac, kind, action: 'alarm', raisedAt: at, count: 1 });
    if (isWanted) await this.quarantine(row, device);
    if (known || isWanted) await this.tx.save(suspicions, row);
    if (!known) await this.tell(row);
  }

  /** What a person said holds for the class: of an address for good, of the device's words for these words. */
  private isDismissed({ mac, kind, said }: Sighting, name: string): boolean {
    const rows = this.dismissed.filter((row) => row.mac === mac && row.kind === kind && row.class === name);
    const words = Object.entries(said ?? {}) as [FingerprintField, string][];
    return rows.length > 0 && words.every(([field, text]) => rows.some((row) => row.said?.[field] === text));
  }

  private async insert(
    row: Omit<SuspicionRow, 'id' | 'state' | 'closedAt' | 'closedBy' | 'closedBecause'>,
  ): Promise<SuspicionRow> {
    const closing = { closedAt: null, closedBy: null, closedBecause: null };
    const inserted = await this.tx.save(suspicions, { ...row, state: 'open' as const, ...closing });
    this.open.set(keyOf(inserted), inserted);
    return inserted;
  }

  private async tell({ id, mac, kind, class: name, nas, nasPort, reason, action }: SuspicionRow): Promise<void> {
    const data = { suspicion: id, mac, kind, class: name, nas, nasPort, reason, action };
    await enqueueEvents(this.tx, this.now, [{ type: 'suspicion.raised', data }]);
  }

  /** By the device's record, so that every bridge hears of it. */
  private async quarantine(row: SuspicionRow, device: DeviceRow): Promise<void> {
    row.action = 'quarantine';
    const why = { actor, action: 'device.posture', reason: `suspicion ${row.id} (${row.kind}): ${row.reason}` };
    const saved = await saveDevices(this.tx, this.now, [{ ...device, posture: 'quarantined' }], why);
    if (saved.length > 0) this.hasQuarantined = true;
  }
}
