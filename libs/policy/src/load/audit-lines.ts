import type { Report } from '../codes.js';
import type { RawLine } from './rule-lines.js';

/**
 * The lines under audit/ that can be in audit. Only flow rules can: what a line of another kind would change (who is where, what a name
 * stands for) can be seen on no connection of now. A line that is in force already is not in audit.
 */
export function auditLines(lines: readonly RawLine[], inForce: readonly RawLine[], report: Report): RawLine[] {
  if (lines.length === 0) return [];
  const seen = new Map(inForce.map((line) => [line.meaning, line]));
  const flows: RawLine[] = [];
  for (const line of lines) {
    const earlier = seen.get(line.meaning);
    if (line.type !== 'p') {
      const hint = 'put a branch in audit for it: `cordon candidate start BRANCH`';
      report.add('audit-line', line.span, `a \`${line.type}\` line can't be in audit, only a flow rule (p)`, hint);
    } else if (earlier) {
      const hint = earlier.file.startsWith('audit/')
        ? 'remove one of the two lines'
        : 'it is in force: remove this one';
      report.add('duplicate-rule', line.span, `the same rule stands at ${earlier.file}:${earlier.line}`, hint);
    } else {
      seen.set(line.meaning, line);
      flows.push(line);
    }
  }
  return flows;
}
