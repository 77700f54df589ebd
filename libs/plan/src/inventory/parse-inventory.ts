import { failure, success, type Diagnostic, type Result } from '#base';
import { postures, type Posture } from '#model';
import { formatAddress, parseAddress, parseMac } from '#net';
import { finding } from '../codes.js';
import { csvFields, linesOf, type TextChunks } from '../text/lines.js';
import type { Inventory, InventoryDevice } from './inventory.js';

const columns = ['mac', 'id', 'class', 'site', 'nas', 'posture', 'ip', 'count', 'location', 'name', 'serial'] as const;
type Column = (typeof columns)[number];
type Row = Partial<Record<Column, string>>;

const shownErrors = 20;
const postureWords: ReadonlyMap<string, Posture> = new Map([
  ...postures.map((posture): [string, Posture] => [posture, posture]),
  // What a device's record says when nothing is known against it: by MAC, until it shows a certificate.
  ['normal', 'unverified'],
  ['', 'unverified'],
]);

/**
 * Reads an inventory: CSV with a header, or one JSON object per line. Strict, because a column that is not read or a posture
 * that is misspelt would give a plan that looks right: all errors are reported, and one of them refuses the file.
 */
export function parseInventory(chunks: TextChunks, file: string): Result<Inventory> {
  const reader = new InventoryReader(file);
  let line = 0;
  for (const one of linesOf(chunks)) reader.read(one.text(), ++line);
  return reader.end();
}

class InventoryReader {
  private readonly devices: InventoryDevice[] = [];
  private readonly byAddress = new Map<number | string, number>();
  private readonly byMac = new Map<string, number>();
  private readonly byId = new Map<string, number>();
  private readonly claimedTwice = new Set<number | string>();
  private readonly errors: Diagnostic[] = [];
  private readonly findings: Diagnostic[] = [];
  private header: readonly Column[] | 'jsonl' | 'refused' | null = null;

  constructor(private readonly file: string) {}

  read(text: string, line: number): void {
    if (text.trim() === '' || text.startsWith('#')) return;
    if (this.header === null) {
      this.header = text.trimStart().startsWith('{') ? 'jsonl' : this.readHeader(text, line);
      if (this.header !== 'jsonl') return;
    }
    if (this.header === 'refused') return;
    const row = this.header === 'jsonl' ? this.readJson(text, line) : this.readRow(this.header, text, line);
    if (row) this.add(row, line);
  }

  end(): Result<Inventory> {
    if (this.header === null)
      this.fault('inventory-header', 1, 'the inventory is empty', `start it with a header such as ${exampleHeader}`);
    const { errors } = this;
    if (errors.length > shownErrors) {
      const more = errors.length - shownErrors;
      const hint = 'correct those above and run again';
      return failure([
        ...errors.slice(0, shownErrors),
        finding('inventory-field', `${more} more errors in this file`, hint, { file: this.file, line: 1 }),
      ]);
    }
    if (errors.length > 0) return failure(errors);
    for (const address of this.claimedTwice) this.byAddress.delete(address);
    const { file, devices, byAddress, byMac, findings } = this;
    return success({ file, devices, byAddress, byMac, findings });
  }

  private readHeader(text: string, line: number): readonly Column[] | 'refused' {
    const names = csvFields(text)?.map((name) => name.toLowerCase()) ?? [];
    const before = this.errors.length;
    for (const [i, name] of names.entries()) {
      if (!columns.includes(name as Column)) {
        const hint = `remove it; columns are ${columns.join(', ')}`;
        this.fault('inventory-header', line, `\`${name}\` is no column of an inventory`, hint);
      } else if (names.indexOf(name) !== i) {
        this.fault('inventory-header', line, `column \`${name}\` stands twice`, 'keep one of the two');
      }
    }
    if (!names.includes('class'))
      this.fault('inventory-header', line, 'there is no column `class`', `write a header such as ${exampleHeader}`);
    if (!['site', 'nas', 'location'].some((name) => names.includes(name))) {
      const hint = 'add `site`, or `nas`: without it nobody knows which access rules hold';
      this.fault('inventory-header', line, 'nothing says where the devices are', hint);
    }
    return this.errors.length > before ? 'refused' : (names as Column[]);
  }

  private readRow(header: readonly Column[], text: string, line: number): Row | null {
    const fields = csvFields(text);
    if (!fields) {
      this.fault('inventory-field', line, 'a quote is not closed in this line', 'close it; `""` is a quote inside');
      return null;
    }
    if (fields.length !== header.length) {
      const summary = `${fields.length} fields where the header has ${header.length}`;
      this.fault('inventory-field', line, summary, 'put a field with a comma into quotes, leave none out');
      return null;
    }
    return Object.fromEntries(header.map((name, i) => [name, fields[i]]));
  }

  private readJson(text: string, line: number): Row | null {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      value = null;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.fault('inventory-field', line, 'this line is no JSON object', 'write one object per line');
      return null;
    }
    const row: Row = {};
    for (const [name, field] of Object.entries(value)) {
      const texts = name === 'ip' && Array.isArray(field) ? field.join(';') : field;
      if (!columns.includes(name as Column) || !['string', 'number'].includes(typeof texts)) {
        const hint = `fields are ${columns.join(', ')}: texts, \`ip\` also a list, \`count\` a number`;
        this.fault('inventory-field', line, `\`${name}\` is no field of a device, or not a text`, hint);
        return null;
      }
      row[name as Column] = String(texts).trim();
    }
    return row;
  }

  private add(row: Row, line: number): void {
    const before = this.errors.length;
    const posture = postureWords.get(row.posture ?? '');
    if (!posture) {
      const hint = `write ${postures.join(', ')}, or normal`;
      this.fault('inventory-field', line, `\`${row.posture}\` is no posture`, hint);
    }
    if (!row.class) this.fault('inventory-field', line, 'the class is empty', 'name the device class, or `unknown`');
    const site = row.site || siteOfLocation(row.location) || null;
    const nas = row.nas || null;
    if (site === null && nas === null)
      this.fault('inventory-field', line, 'neither `site` nor `nas` says where this device is', 'name one of them');
    const count = row.count === undefined || row.count === '' ? 1 : Number(row.count);
    if (!Number.isSafeInteger(count) || count < 1 || count > 10_000_000)
      this.fault('inventory-field', line, `\`${row.count}\` is no count`, 'write a whole number from 1');
    const id = this.identify(row, line);
    const index = this.devices.length;
    this.addAddresses(row.ip ?? '', index, line);
    if (this.errors.length > before || !posture) return;
    this.devices.push({ id, class: row.class!, site, nas, posture, count, line });
  }

  private identify(row: Row, line: number): string | null {
    const mac = row.mac ? parseMac(row.mac) : null;
    if (row.mac && !mac)
      this.fault('inventory-field', line, `\`${row.mac}\` is no MAC address of a device`, 'write 00:1a:2b:3c:4d:5e');
    const id = mac ?? (row.id || null);
    if (id === null) {
      if (!row.mac && !row.count)
        this.fault('inventory-field', line, 'this device has no `mac` and no `id`', 'give it one, or a `count`');
      return null;
    }
    const known = this.byId.get(id);
    if (known !== undefined)
      this.fault('inventory-duplicate', line, `\`${id}\` stands on line ${known} too`, 'keep one of the two');
    this.byId.set(id, line);
    if (mac) this.byMac.set(mac, this.devices.length);
    return id;
  }

  private addAddresses(texts: string, index: number, line: number): void {
    if (texts === '') return;
    for (const part of texts.split(';')) {
      const text = part.trim();
      if (text === '') continue;
      const address = parseAddress(text);
      if (!address) {
        const hint = 'write 10.21.0.7 or fd21::7, several with `;` between them';
        this.fault('inventory-field', line, `\`${text}\` is no address`, hint);
        continue;
      }
      const key = address.family === 4 ? Number(address.value) : formatAddress(address);
      const other = this.byAddress.get(key);
      if (other !== undefined && other !== index) this.claimTwice(key, text, line);
      else this.byAddress.set(key, index);
    }
  }

  private claimTwice(key: number | string, text: string, line: number): void {
    if (!this.claimedTwice.has(key)) {
      const hint = 'remove it from the device that has it no more';
      const summary = `\`${text}\` belongs to another device too: flows of this address are not attributed`;
      this.findings.push(finding('address-of-two-devices', summary, hint, { file: this.file, line }));
    }
    this.claimedTwice.add(key);
  }

  private fault(
    code: 'inventory-field' | 'inventory-header' | 'inventory-duplicate',
    line: number,
    summary: string,
    hint: string,
  ) {
    this.errors.push(finding(code, summary, hint, { file: this.file, line }));
  }
}

const exampleHeader = '`mac,class,site,nas,posture,ip`';

/** `main / B2 / ICU 1` stands at `main`. */
function siteOfLocation(location: string | undefined): string {
  return location?.split('/')[0]?.trim() ?? '';
}
