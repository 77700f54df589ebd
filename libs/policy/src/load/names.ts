import type { SourceSpan } from '#base';
import type { Report } from '../codes.js';

export const namePattern = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
export const nameHint = 'use a-z, 0-9 and - (not at the ends), at most 64 characters';

/** The names of one namespace: well-formed, none reserved, none declared twice. */
export class Namespace {
  private readonly places = new Map<string, SourceSpan>();

  constructor(private readonly reserved: readonly string[] = []) {}

  /** False after an error. */
  claim(name: string, span: SourceSpan, report: Report): boolean {
    if (!namePattern.test(name)) {
      report.add('bad-name', span, `\`${name}\` is not a name`, nameHint);
      return false;
    }
    if (this.reserved.includes(name)) {
      report.add('duplicate-name', span, `\`${name}\` is built in`, 'choose another name');
      return false;
    }
    const earlier = this.places.get(name);
    if (earlier) {
      const hint = 'rename one of the two; classes and endpoints share one namespace';
      const summary = `\`${name}\` is declared already at ${earlier.file}:${earlier.line}`;
      report.add('duplicate-name', span, summary, hint);
      return false;
    }
    this.places.set(name, span);
    return true;
  }
}
