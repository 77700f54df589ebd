import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Posture } from '#model';
import { renderInventoryHeader, renderInventoryRow, type InventoryForm, type InventoryRow } from '#plan';
import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { countOf, print, printJson, yellow } from '../output.js';
import { UsageError } from '../policy-files.js';

export interface InventoryExportOptions extends ControllerArguments {
  readonly out: string;
  readonly keyFile?: string;
  readonly identifiers?: boolean;
  readonly counts?: boolean;
  readonly json?: boolean;
}

/** As `GET /api/v1/inventory` gives it. */
interface Item {
  readonly mac: string;
  readonly class: string;
  readonly site: string | null;
  readonly nas: string | null;
  readonly posture: Posture;
  readonly addresses: readonly string[];
}

interface Exported {
  readonly file: string;
  readonly form: InventoryForm;
  readonly devices: number;
  readonly rows: number;
  /** Devices of which nobody knows where they are. */
  readonly unplaced: number;
}

export const inventoryNotes = `
Rows have class, site, switch and posture. A MAC address becomes a keyed hash (HMAC-SHA-256), so that a plan can name a device and
its reader can't; names, serial numbers and locations are never exported. The key is drawn anew each time, so that ids of two exports can't be
compared, unless --key-file names one. Addresses are left out: no plan needs them but one with --flows, which then says what it can't know.
A token of role planner is enough. The file is for its owner alone (0600), and replaced as a whole.`;

const pageSize = 1000;

/** The registry as a file for `cordon plan --inventory`, page by page: a large one takes no more memory than a small one. */
export async function exportInventory(options: InventoryExportOptions, env = process.env): Promise<number> {
  const form = formOf(options);
  const client = new ControllerClient(readControllerOptions(options, env));
  const idOf = form === 'hashed' ? hashWith(options.keyFile) : (mac: string) => mac;
  const exported = await writeWhole(options.out, async (write) => {
    write(renderInventoryHeader(form));
    return form === 'counted' ? writeCounts(client, write) : writeDevices(client, form, idOf, write);
  });
  report({ file: options.out, form, ...exported }, options);
  return 0;
}

function formOf({ identifiers, counts, keyFile }: InventoryExportOptions): InventoryForm {
  if (identifiers && counts) throw new UsageError('--identifiers and --counts ask for two files; take one');
  if (keyFile !== undefined && (identifiers || counts))
    throw new UsageError('--key-file is for hashed identifiers; leave it out here');
  return identifiers ? 'identified' : counts ? 'counted' : 'hashed';
}

const smallestKey = 32;

/**
 * MAC address → 32 hex digits. There are few MAC addresses, so all of them can be tried by who has the key: a short one would be
 * guessed as well.
 */
function hashWith(keyFile: string | undefined): (mac: string) => string {
  const key = keyFile === undefined ? randomBytes(smallestKey) : readKey(keyFile);
  return (mac) => createHmac('sha256', key).update(`mac ${mac}`).digest('hex').slice(0, 32);
}

function readKey(file: string): Buffer {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new UsageError(`the key file ${file} can't be read: ${(error as Error).message}`);
  }
  if (text.length < smallestKey)
    throw new UsageError(`the key in ${file} is too short: make one with \`openssl rand -hex 32\``);
  return Buffer.from(text);
}

type Write = (line: string) => void;
type Written = Pick<Exported, 'devices' | 'rows' | 'unplaced'>;

async function writeDevices(
  client: ControllerClient,
  form: InventoryForm,
  idOf: (mac: string) => string,
  write: Write,
): Promise<Written> {
  let devices = 0;
  let unplaced = 0;
  for await (const { mac, ...item } of inventoryItems(client)) {
    devices += 1;
    if (isUnplaced(item)) unplaced += 1;
    write(renderInventoryRow(form, { ...item, id: idOf(mac), count: 1 }));
  }
  return { devices, rows: devices, unplaced };
}

async function writeCounts(client: ControllerClient, write: Write): Promise<Written> {
  const groups = new Map<string, InventoryRow>();
  let devices = 0;
  let unplaced = 0;
  for await (const item of inventoryItems(client)) {
    devices += 1;
    if (isUnplaced(item)) unplaced += 1;
    const { class: name, site, nas, posture } = item;
    const key = JSON.stringify([name, site, nas, posture]);
    const count = (groups.get(key)?.count ?? 0) + 1;
    groups.set(key, { id: null, class: name, site, nas, posture, addresses: [], count });
  }
  for (const [, row] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) write(renderInventoryRow('counted', row));
  return { devices, rows: groups.size, unplaced };
}

const isUnplaced = ({ site, nas }: Pick<Item, 'site' | 'nas'>): boolean => site === null && nas === null;

/** Every registered device, page by page. */
export async function* inventoryItems(client: ControllerClient): AsyncGenerator<Item> {
  for (let cursor: string | null = null; ;) {
    const query = new URLSearchParams({ limit: `${pageSize}`, ...(cursor === null ? {} : { cursor }) });
    const page: { items: Item[]; next: string | null } = await client.get(`/api/v1/inventory?${query.toString()}`);
    yield* page.items;
    cursor = page.next;
    if (cursor === null) return;
  }
}

/** A file that is there as a whole, or not at all. */
async function writeWhole<T>(path: string, work: (write: Write) => Promise<T>): Promise<T> {
  const beside = `${path}.${process.pid}.part`;
  const file = openNew(beside);
  try {
    let waiting: string[] = [];
    const flush = (): void => {
      if (waiting.length > 0) writeSync(file, `${waiting.join('\n')}\n`);
      waiting = [];
    };
    const result = await work((line) => {
      if (waiting.push(line) >= pageSize) flush();
    });
    flush();
    renameSync(beside, path);
    return result;
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    throw new UsageError(`--out: ${(error as Error).message}`);
  }
}

const told: Readonly<Record<InventoryForm, string>> = {
  identified: 'with MAC and IP addresses',
  hashed: 'identifiers hashed, no addresses',
  counted: 'counts only',
};

function report(exported: Exported, { json }: InventoryExportOptions): void {
  const { file, form, devices, rows, unplaced } = exported;
  if (form === 'identified')
    process.stderr.write(`${yellow('warning')}: ${file} names every device: keep it inside the hospital\n`);
  if (json) return printJson(exported);
  print(`${file}: ${countOf(devices, 'device')} in ${countOf(rows, 'row')}, ${told[form]}`);
  if (unplaced > 0)
    print(
      `${countOf(unplaced, 'device')} without a known place: never seen, and located at no site. Plans count them as such`,
    );
}
