import { bold } from './output.js';

/** Columns as wide as their widest cell; two spaces between them, none at the end of a line. */
export function alignTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = header.map((name, n) => Math.max(name.length, ...rows.map((row) => row[n]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, n) => cell.padEnd(widths[n]!))
      .join('  ')
      .trimEnd();
  return [bold(line(header)), ...rows.map(line)];
}

/** What devices and switches call themselves is not ours: nothing of it may steer a terminal. */
export function shown(text: string | null): string {
  // oxlint-disable-next-line no-control-regex
  return text === null || text === '' ? '-' : text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
