import type { Diagnostic } from '#base';
import { parsePrefix, type Interval, type Prefix, type PrefixProblem } from '#net';

/** The text does not say what this reader understands; the message says where. */
export class SyntaxFault extends Error {
  override readonly name = 'SyntaxFault';
}

const maxWords = 32;

/** The words of one rule, taken from the left. Strict: a reader that leaves words over, or misses one, is at fault. */
export class Words {
  private readonly words: readonly string[];
  private at = 0;

  constructor(private readonly rule: string) {
    this.words = rule.split(' ');
    if (this.words.length > maxWords || this.words.includes(''))
      throw this.fault('is not words separated by one space');
  }

  fault(problem: string): SyntaxFault {
    const shown = this.rule.length > 120 ? `${this.rule.slice(0, 120)}…` : this.rule;
    return new SyntaxFault(`rule \`${shown}\` ${problem}`);
  }

  peek(): string | null {
    return this.words[this.at] ?? null;
  }

  next(): string {
    const word = this.words[this.at++];
    if (word === undefined) throw this.fault('ends too early');
    return word;
  }

  /** Takes the word if it comes next. */
  accept(word: string): boolean {
    if (this.peek() !== word) return false;
    this.at++;
    return true;
  }

  expect(word: string): void {
    if (!this.accept(word)) throw this.fault(`has \`${this.peek() ?? 'nothing'}\` where \`${word}\` belongs`);
  }

  end(): void {
    if (this.peek() !== null) throw this.fault(`goes on with \`${this.peek()}\`, which is not understood`);
  }

  number(text: string, limit: number): number {
    if (!/^(0|[1-9]\d{0,4})$/.test(text) || Number(text) > limit)
      throw this.fault(`has \`${text}\` for a number up to ${limit}`);
    return Number(text);
  }

  range(first: string, last: string, limit: number): Interval<number> {
    const range = { first: this.number(first, limit), last: this.number(last, limit) };
    if (range.first > range.last) throw this.fault(`has the range ${first} to ${last}`);
    return range;
  }

  prefix(text: string): Prefix {
    const prefix = readPrefix(text);
    if (typeof prefix === 'string') throw this.fault(`has \`${text}\` for an address (${prefix})`);
    return prefix;
  }

  action(): 'permit' | 'deny' {
    const word = this.next();
    if (word !== 'permit' && word !== 'deny') throw this.fault(`begins with \`${word}\``);
    return word;
  }
}

/** Prefixes read last: the ACLs of a policy name the same few hundred again and again, and reading them is what costs. */
const prefixes = new Map<string, Prefix | PrefixProblem>();
const maxPrefixes = 10_000;

function readPrefix(text: string): Prefix | PrefixProblem {
  const known = prefixes.get(text);
  if (known !== undefined) return known;
  if (prefixes.size >= maxPrefixes) prefixes.clear();
  const read = parsePrefix(text);
  prefixes.set(text, read);
  return read;
}

/** No list at all: to a switch that means an unfiltered port, the opposite of an empty list here. */
export function missingAcl(what: string): Diagnostic {
  return {
    severity: 'error',
    code: 'acl-missing',
    summary: `there is no ${what}, so the port would be unfiltered`,
    hint: 'each authorization must carry an ACL for IPv4 and IPv6, be it only the closing deny',
  };
}
