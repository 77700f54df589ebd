/** A terminal, as far as this writes to it. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): unknown;
}

export const usualColumns = 80;
const usualRows = 24;
const escape = '\u001B[';
// oxlint-disable-next-line no-control-regex
const colour = /\u001B\[\d*m/y;

/**
 * Shows one text after the other on the whole of a terminal. Each replaces the one before line by line, and is written at once: nothing
 * flickers. What stood there before comes back at the end.
 */
export class Screen {
  private text = '';
  private isOpen = true;

  constructor(private readonly terminal: Terminal) {
    // Another page, without a cursor.
    terminal.write(`${escape}?1049h${escape}?25l`);
  }

  show(text: string): void {
    this.text = text;
    // Of some terminals nobody knows the size: they say 0.
    const [rows, columns] = [this.terminal.rows || usualRows, this.terminal.columns || usualColumns];
    const lines = text
      .replace(/\n$/, '')
      .split('\n')
      .flatMap((line) => wrapLine(line, columns));
    const fits = lines.length <= rows;
    const shown = fits ? lines : lines.slice(0, rows - 1);
    if (!fits) shown.push(`… ${lines.length - rows + 1} more lines: make the window higher`);
    const body = shown.map((line) => `${line}${escape}0m${escape}K`).join('\r\n');
    // As one picture (mode 2026), without the terminal's own wrapping (mode 7), and nothing left below.
    this.terminal.write(`${escape}?2026h${escape}?7l${escape}H${body}${escape}J${escape}?7h${escape}?2026l`);
  }

  /** After the terminal changed its size. */
  again(): void {
    this.show(this.text);
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.terminal.write(`${escape}?25h${escape}?1049l`);
  }
}

/** Pieces of at most so many characters. Colours take no room, and hold on to the next piece; nothing else may steer the terminal. */
export function wrapLine(line: string, columns: number): string[] {
  const pieces: string[] = [];
  let piece = '';
  let room = columns;
  let open = '';
  for (let at = 0; at < line.length;) {
    colour.lastIndex = at;
    const found = colour.exec(line)?.[0];
    if (found !== undefined) {
      piece += found;
      open = found === `${escape}0m` ? '' : found;
      at += found.length;
      continue;
    }
    const character = String.fromCodePoint(line.codePointAt(at)!);
    if (room === 0) {
      pieces.push(piece);
      piece = open;
      room = columns;
    }
    piece += /[\p{Cc}\p{Cf}]/u.test(character) ? '?' : character;
    room--;
    at += character.length;
  }
  return [...pieces, piece];
}
