import { describe, expect, it } from 'vitest';
import { Screen, wrapLine, type Terminal } from './screen.js';

const red = (text: string): string => `\u001B[31m${text}\u001B[0m`;

class PlayedTerminal implements Terminal {
  written = '';
  constructor(
    public columns: number,
    public rows: number,
  ) {}
  write(text: string): void {
    this.written += text;
  }
  /** What was drawn last, without what steers. */
  get lines(): string[] {
    const last = this.written.slice(this.written.lastIndexOf('\u001B[H'));
    // oxlint-disable-next-line no-control-regex
    return last.replaceAll(/\u001B\[[?\d]*[A-Za-z]/g, '').split('\r\n');
  }
}

describe('a line on a terminal', () => {
  it.each([
    ['is whole where it fits', 'abcd', 4, ['abcd']],
    ['is cut where it does not', 'abcdef', 4, ['abcd', 'ef']],
    ['is one even if it is empty', '', 4, ['']],
    ['is cut beside colours, which take no room', red('abcdef'), 4, ['\u001B[31mabcd', '\u001B[31mef\u001B[0m']],
    ['never steers the terminal', 'a\u001B[2Jb\u0007c', 20, ['a?[2Jb?c']],
    ['never turns direction', 'a\u202Eb', 4, ['a?b']],
    ['is not cut within a character', '😀😀😀', 2, ['😀😀', '😀']],
  ])('%s', (_, line, columns, pieces) => {
    expect(wrapLine(line, columns)).toEqual(pieces);
  });
});

describe('a screen', () => {
  it('draws each text in one write, over the one before', () => {
    const writes: string[] = [];
    const screen = new Screen({ columns: 10, rows: 5, write: (text) => writes.push(text) });
    writes.length = 0;
    screen.show('one\ntwo\n');
    screen.show('three');
    expect(writes).toHaveLength(2);
    // Each line is cleared behind its text, and the page below the last: nothing is cleared before it is written.
    expect(writes[1]).toContain('\u001B[Hthree\u001B[0m\u001B[K\u001B[J');
    expect(writes[1]).not.toContain('\u001B[2J');
  });

  it('is no longer than the terminal, and says how much is missing', () => {
    const terminal = new PlayedTerminal(20, 3);
    new Screen(terminal).show('1\n2\n3\n4\n5');
    expect(terminal.lines).toEqual(['1', '2', '… 3 more lines: make the window higher']);
  });

  it('draws again in a terminal of another size', () => {
    const terminal = new PlayedTerminal(4, 5);
    const screen = new Screen(terminal);
    screen.show('abcdef');
    expect(terminal.lines).toEqual(['abcd', 'ef']);
    terminal.columns = 10;
    screen.again();
    expect(terminal.lines).toEqual(['abcdef']);
  });

  it('takes a usual size for a terminal that has none', () => {
    const terminal = new PlayedTerminal(0, 0);
    new Screen(terminal).show('a'.repeat(81));
    expect(terminal.lines).toEqual(['a'.repeat(80), 'a']);
  });

  it('gives back page and cursor once', () => {
    const terminal = new PlayedTerminal(4, 5);
    const screen = new Screen(terminal);
    terminal.written = '';
    screen.close();
    screen.close();
    expect(terminal.written).toBe('\u001B[?25h\u001B[?1049l');
  });
});
