import { formatDiagnostic, type Diagnostic } from '#base';

/** Colour only where a person looks: on a terminal, and not with NO_COLOR. */
const isColoured = process.stdout.isTTY && !process.env['NO_COLOR'];
const paint =
  (code: number) =>
  (text: string): string =>
    isColoured ? `\u001B[${code}m${text}\u001B[0m` : text;
export const red = paint(31);
export const green = paint(32);
export const yellow = paint(33);
export const bold = paint(1);

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** A diagnostic as `--json` gives it: flat, with null for a place that it hasn't. */
export function diagnosticJson({ severity, code, summary, hint, span, related }: Diagnostic): Record<string, unknown> {
  return {
    severity,
    code,
    summary,
    file: span?.file ?? null,
    line: span?.line ?? null,
    column: span?.column ?? null,
    hint,
    related: (related ?? []).map(({ span: at, summary: what }) => ({ file: at.file, line: at.line, summary: what })),
  };
}

export function printDiagnostics(diagnostics: readonly Diagnostic[]): void {
  for (const text of diagnosticLines(diagnostics)) print(text);
}

/** One text of several lines for each. */
export function diagnosticLines(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.map((diagnostic) => {
    const colour = diagnostic.severity === 'error' ? red : diagnostic.severity === 'warning' ? yellow : bold;
    return formatDiagnostic(diagnostic).replace(` ${diagnostic.severity} `, ` ${colour(diagnostic.severity)} `);
  });
}

export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
