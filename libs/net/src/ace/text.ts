import { failure, success, type Diagnostic, type Result } from '#base';
import { bitsOf, parseAddress, type Family } from '../address.js';
import type { Interval } from '../interval.js';

/** A line of a text with its number, from 1. */
export interface TextLine {
  readonly at: number;
  readonly text: string;
}

/** The text says something that is not modelled, or is malformed. Caught by `readText`, or by who reads line by line. */
export class NotUnderstood extends Error {
  override readonly name = 'NotUnderstood';

  constructor(
    readonly at: number | null,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

const longestText = 4 * 1024 * 1024;
const maxLines = 100_000;

export function linesOf(text: string): TextLine[] {
  if (text.length > longestText) throw new NotUnderstood(null, 'the text is longer than 4 MiB', 'give one list');
  const lines = text.split(/\r?\n/);
  if (lines.length > maxLines)
    throw new NotUnderstood(null, `the text has more than ${maxLines} lines`, 'give one list');
  return lines.map((line, i) => ({ at: i + 1, text: line.trimEnd() }));
}

/** Runs a reader; what it does not understand becomes a diagnostic with the line. Other faults are bugs and pass. */
export function readText<T>(target: string, read: () => T): Result<T> {
  try {
    return success(read());
  } catch (fault) {
    if (!(fault instanceof NotUnderstood)) throw fault;
    const span = fault.at === null ? {} : { span: { file: target, line: fault.at, column: 1 } };
    const diagnostic: Diagnostic = {
      severity: 'error',
      code: 'not-understood',
      summary: fault.message,
      hint: fault.hint,
      ...span,
    };
    return failure([diagnostic]);
  }
}

const notModelled = 'it is not read as something else: take it out, or compare by hand';

/** The words of one line, from the left. A reader that leaves words over, or misses one, does not understand the line. */
export class LineWords {
  private readonly words: readonly string[];
  private next = 0;

  constructor(
    readonly line: TextLine,
    text: string = line.text,
  ) {
    this.words = text.split(/\s+/).filter((word) => word !== '');
  }

  fault(problem: string, hint = notModelled): NotUnderstood {
    const { at, text } = this.line;
    const shown = text.trim().length > 120 ? `${text.trim().slice(0, 120)}…` : text.trim();
    return new NotUnderstood(at, `\`${shown}\` ${problem}`, hint);
  }

  peek(): string | null {
    return this.words[this.next] ?? null;
  }

  take(): string {
    const word = this.words[this.next++];
    if (word === undefined) throw this.fault('ends too early');
    return word;
  }

  accept(word: string): boolean {
    if (this.peek() !== word) return false;
    this.next++;
    return true;
  }

  expect(word: string): void {
    if (!this.accept(word)) throw this.fault(`has \`${this.peek() ?? 'nothing'}\` where \`${word}\` belongs`);
  }

  /** The words that are left, as one text. */
  rest(): string {
    const left = this.words.slice(this.next).join(' ');
    this.next = this.words.length;
    return left;
  }

  end(): void {
    const word = this.peek();
    if (word !== null) throw this.fault(`goes on with \`${word}\`, which is not modelled`);
  }

  number(text: string, limit: number): number {
    if (!/^(0|[1-9]\d{0,9})$/.test(text) || Number(text) > limit)
      throw this.fault(`has \`${text}\` for a number up to ${limit}`);
    return Number(text);
  }

  permits(permit: string, deny: string): boolean {
    const word = this.take();
    if (word !== permit && word !== deny)
      throw this.fault(`has \`${word}\` where \`${permit}\` or \`${deny}\` belongs`);
    return word === permit;
  }

  /** `10.1.0.0/16` or a lone address; bits behind the length do not count, as on the devices. */
  prefix(text: string): AddressMatch {
    const [head = '', tail, ...more] = text.split('/');
    const address = parseAddress(head);
    if (!address || more.length > 0) throw this.fault(`has \`${text}\` for an address`);
    const bits = bitsOf(address.family);
    return prefixMatch(address.family, address.value, tail === undefined ? bits : this.number(tail, bits));
  }
}

/** Addresses of one family. */
export interface AddressMatch {
  readonly family: Family;
  readonly range: Interval<bigint>;
}

export function prefixMatch(family: Family, value: bigint, length: number): AddressMatch {
  const rest = (1n << BigInt(bitsOf(family) - length)) - 1n;
  return { family, range: { first: value & ~rest, last: value | rest } };
}
