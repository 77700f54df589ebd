import type { Mac } from '#net';
import { CsvError, parse } from 'csv-parse/sync';
import { macSchema } from '#model';
import { deviceFields, type DeviceChange } from './device-fields.js';

const columns = ['mac', 'class', 'posture', 'name', 'location', 'serial'] as const;
type Column = (typeof columns)[number];

/** A cell that is wrong; `line` counts from 1, the header included. */
export interface RowError {
  readonly line: number;
  readonly field: string;
  readonly detail: string;
}

export interface ImportRow {
  readonly line: number;
  readonly mac: Mac;
  /** A column that is missing, or a cell left empty, leaves what the device has. */
  readonly fields: DeviceChange;
}

export interface ParsedImport {
  readonly rows: readonly ImportRow[];
  readonly errors: readonly RowError[];
}

export const importLimit = 50_000;

/** Reads a CSV of devices and checks every row. `classProblem` says why a class can't be, or null. */
export function parseImport(text: string, classProblem: (name: string) => string | null): ParsedImport {
  const table = readTable(text);
  if ('error' in table) return { rows: [], errors: [table.error] };
  const rows: ImportRow[] = [];
  const errors: RowError[] = [...table.errors];
  const firstLine = new Map<Mac, number>();
  for (const { line, cells } of table.records) {
    const checked = checkRow(line, cells, classProblem);
    const previous = checked.row ? firstLine.get(checked.row.mac) : undefined;
    if (previous !== undefined) {
      errors.push({ line, field: 'mac', detail: `the same device is on line ${previous}: keep one of the two` });
    } else if (checked.row) {
      firstLine.set(checked.row.mac, line);
      rows.push(checked.row);
    }
    errors.push(...checked.errors);
  }
  return { rows, errors: errors.sort((a, b) => a.line - b.line) };
}

interface RecordLine {
  readonly line: number;
  readonly cells: Partial<Record<Column, string>>;
}

type Table = { readonly records: RecordLine[]; readonly errors: RowError[] } | { readonly error: RowError };

function readTable(text: string): Table {
  let raw: { record: string[]; info: { lines: number } }[];
  try {
    raw = parse(text, {
      bom: true,
      trim: true,
      info: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: 10_000,
      to: importLimit + 2,
    }) as unknown as typeof raw;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines } = error as CsvError & { lines?: number };
    return { error: { line: lines ?? 1, field: '', detail: `not CSV: ${error.message}` } };
  }
  const header = raw.shift();
  if (!header)
    return {
      error: { line: 1, field: '', detail: `the file is empty: the first line names the columns ${columns.join(',')}` },
    };
  const names = header.record.map((name) => name.toLowerCase());
  const problem = headerProblem(names);
  if (problem) return { error: { line: header.info.lines, field: '', detail: problem } };
  if (raw.length > importLimit)
    return { error: { line: importLimit + 2, field: '', detail: `more than ${importLimit} rows: split the file` } };
  const errors: RowError[] = [];
  const records: RecordLine[] = [];
  for (const { record, info } of raw) {
    if (record.length !== names.length) {
      errors.push({
        line: info.lines,
        field: '',
        detail: `has ${record.length} cells, the header has ${names.length}`,
      });
    } else
      records.push({ line: info.lines, cells: Object.fromEntries(names.map((name, n) => [name, record[n] ?? ''])) });
  }
  return { records, errors };
}

function headerProblem(names: readonly string[]): string | null {
  const unknown = names.find((name) => !columns.includes(name as Column));
  if (unknown !== undefined) return `unknown column \`${unknown}\`: the columns are ${columns.join(',')}`;
  const missing = (['mac', 'class'] as const).find((name) => !names.includes(name));
  if (missing) return `the column \`${missing}\` is missing`;
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  return twice === undefined ? null : `the column \`${twice}\` is there twice`;
}

function checkRow(
  line: number,
  cells: Partial<Record<Column, string>>,
  classProblem: (name: string) => string | null,
): { row: ImportRow | null; errors: RowError[] } {
  const errors: RowError[] = [];
  const mac = macSchema.safeParse(cells.mac);
  if (!mac.success) errors.push({ line, field: 'mac', detail: mac.error.issues[0]?.message ?? 'invalid' });
  const given = Object.fromEntries(Object.entries(cells).filter(([name, cell]) => name !== 'mac' && cell !== ''));
  const fields = deviceFields.omit({ notes: true }).partial().safeParse(given);
  for (const issue of fields.error?.issues ?? [])
    errors.push({ line, field: String(issue.path[0]), detail: issue.message });
  if (!cells.class) errors.push({ line, field: 'class', detail: 'is empty' });
  else {
    const detail = classProblem(cells.class);
    if (detail) errors.push({ line, field: 'class', detail });
  }
  if (errors.length > 0 || !mac.success || !fields.success || fields.data.class === undefined)
    return { row: null, errors };
  return { row: { line, mac: mac.data, fields: fields.data }, errors };
}
