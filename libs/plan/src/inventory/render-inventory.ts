import type { Posture } from '#model';

/** A device, or `count` alike, as an inventory file has it. */
export interface InventoryRow {
  /** MAC or a keyed hash of it; null where rows only count. */
  readonly id: string | null;
  readonly class: string;
  /** Null: nobody knows where the device is. */
  readonly site: string | null;
  readonly nas: string | null;
  readonly posture: Posture;
  readonly addresses: readonly string[];
  readonly count: number;
}

/** How devices are told: by MAC and address, by an id that says nothing, or not at all. */
export type InventoryForm = 'identified' | 'hashed' | 'counted';

/** In the place of a site that nobody knows. No site has such a name: a plan counts these devices and says that they have no place. */
export const unknownSite = '(unknown)';

const columns = {
  identified: ['mac', 'class', 'site', 'nas', 'posture', 'ip'],
  hashed: ['id', 'class', 'site', 'nas', 'posture'],
  counted: ['class', 'site', 'nas', 'posture', 'count'],
} as const satisfies Record<InventoryForm, readonly string[]>;

export const renderInventoryHeader = (form: InventoryForm): string => columns[form].join(',');

/** One line of CSV, without its end. `parseInventory` reads the same device from it. */
export function renderInventoryRow(form: InventoryForm, row: InventoryRow): string {
  const fields = {
    mac: row.id ?? '',
    id: row.id ?? '',
    class: row.class,
    site: row.site ?? (row.nas === null ? unknownSite : ''),
    nas: row.nas ?? '',
    posture: row.posture,
    ip: row.addresses.join(';'),
    count: `${row.count}`,
  };
  return columns[form].map((name) => csvField(fields[name])).join(',');
}

/** A field is one line; `#` at the start of a line would make it a comment. */
function csvField(text: string): string {
  const line = text.replaceAll(/[\r\n]+/g, ' ');
  return /[",#]/.test(line) ? `"${line.replaceAll('"', '""')}"` : line;
}
