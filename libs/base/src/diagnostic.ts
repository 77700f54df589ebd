/** Where a finding is: `file` is relative to the policy repository; `line` and `column` count from 1. */
export interface SourceSpan {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type Severity = 'error' | 'warning' | 'info';

/**
 * One finding, made to be read by a tired admin: what is wrong (`summary`: lower case, names in backticks, no full
 * stop) and what to do about it (`hint`). Callers branch on `code`, never on text.
 */
export interface Diagnostic {
  readonly severity: Severity;
  readonly code: string;
  readonly summary: string;
  readonly hint: string;
  readonly span?: SourceSpan;
  /** Other places that have to do with it, most telling first. */
  readonly related?: readonly RelatedPlace[];
}

export interface RelatedPlace {
  readonly span: SourceSpan;
  readonly summary: string;
}

/** Related places that a person is shown; programs get all of them. */
const mostShown = 5;

const rank: Record<Severity, number> = { error: 0, warning: 1, info: 2 };

/** Order for output: by place, then severity, so that two runs over the same input print the same text. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  return (
    compareText(a.span?.file ?? '', b.span?.file ?? '') ||
    (a.span?.line ?? 0) - (b.span?.line ?? 0) ||
    (a.span?.column ?? 0) - (b.span?.column ?? 0) ||
    rank[a.severity] - rank[b.severity] ||
    compareText(a.code, b.code) ||
    compareText(a.summary, b.summary)
  );
}

/** `rules/flows.csv:12:4: error unknown-name: … (hint)` */
export function formatDiagnostic(d: Diagnostic): string {
  const place = d.span ? `${d.span.file}:${d.span.line}:${d.span.column}: ` : '';
  const related = d.related ?? [];
  const shown = related.slice(0, mostShown).map(({ span, summary }) => `    ${span.file}:${span.line}: ${summary}\n`);
  const more = related.length > mostShown ? `    and ${related.length - mostShown} more\n` : '';
  return `${place}${d.severity} ${d.code}: ${d.summary}\n${shown.join('')}${more}    ${d.hint}`;
}

/** Byte order: the same on every machine, unlike `localeCompare`. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
