import { TerminalFault } from '../driver.js';

/**
 * Cuts a stream into its JSON objects (RFC 7047 §4: one after another, with nothing that separates them). Looks at brackets and strings
 * only; whether a text is JSON is for who reads it.
 */
export class JsonStream {
  private pending = '';
  private at = 0;
  private depth = 0;
  private isString = false;

  constructor(private readonly longest: number) {}

  push(chunk: string): string[] {
    this.pending += chunk;
    const out: string[] = [];
    let start = 0;
    for (; this.at < this.pending.length; this.at++) {
      if (this.depth === 0 && !this.begins(this.pending[this.at]!)) {
        start = this.at + 1;
        continue;
      }
      if (!this.endsAt(this.pending)) continue;
      out.push(this.pending.slice(start, this.at + 1));
      start = this.at + 1;
    }
    this.pending = this.pending.slice(start);
    this.at -= start;
    if (this.pending.length > this.longest)
      throw new TerminalFault(`the switch's database sent a message of more than ${this.longest} characters`);
    return out;
  }

  private begins(letter: string): boolean {
    if (letter === '{') return true;
    if (!/\s/.test(letter)) throw new TerminalFault('what answers there is no database of Open vSwitch: no JSON-RPC');
    return false;
  }

  /** Takes the letter at the place of now; true when it ends an object. */
  private endsAt(text: string): boolean {
    const letter = text[this.at]!;
    if (this.isString) {
      // the letter behind a backslash means nothing here, if it is there already
      if (letter === '\\') this.at++;
      else if (letter === '"') this.isString = false;
      return false;
    }
    if (letter === '"') this.isString = true;
    else if (letter === '{' || letter === '[') this.depth++;
    else if ((letter === '}' || letter === ']') && --this.depth === 0) return true;
    return false;
  }
}
