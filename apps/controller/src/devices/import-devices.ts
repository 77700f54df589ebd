import type { Clock } from '#base';
import type { Snapshot } from '#policy';
import { Refusal } from '../http/refusal.js';
import { classProblem } from './class-check.js';
import { applyChange, findDevices, saveDevices, type DeviceStore } from './device-store.js';
import { parseImport, type RowError } from './import-rows.js';

export type ImportMode = 'all-or-nothing' | 'valid-rows';

export interface ImportAnswer {
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  /** Rows left out (mode `valid-rows`). */
  readonly errors: readonly RowError[];
}

/** Registers and changes devices from a CSV, in one transaction. */
export async function importDevices(
  ports: { readonly store: DeviceStore; readonly clock: Clock; readonly snapshot: Snapshot | null },
  csv: string,
  mode: ImportMode,
  actor: string,
): Promise<ImportAnswer> {
  const { rows, errors } = parseImport(csv, (name) => classProblem(ports.snapshot, name));
  if (errors.length > 0 && (mode === 'all-or-nothing' || rows.length === 0)) {
    throw new Refusal(
      'unprocessable',
      `${errors.length} error(s) in the file, nothing was stored`,
      errors.slice(0, 1000).map((error) => ({ pointer: `/${error.line}/${error.field}`, ...error })),
    );
  }
  return ports.store.write(async (tx) => {
    const existing = await findDevices(
      tx,
      rows.map(({ mac }) => mac),
    );
    const blank = { class: '', posture: 'normal', name: '', location: '', serial: '', notes: '', inUse: null } as const;
    const writes = rows.map(({ mac, fields }) => applyChange(existing.get(mac) ?? { ...blank, mac }, fields));
    const saved = await saveDevices(tx, ports.clock.now(), writes, { actor, action: 'device.import' });
    const created = saved.filter(({ mac }) => !existing.has(mac)).length;
    return { created, changed: saved.length - created, unchanged: rows.length - saved.length, errors };
  });
}
