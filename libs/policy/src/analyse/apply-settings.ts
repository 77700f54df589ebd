import { compareDiagnostics, type Diagnostic, type Severity, type SourceSpan } from '#base';
import { policyCodes, Report, type PolicyCode } from '../codes.js';
import type { IgnoredFinding, Policy } from '../policy.js';
import { formatWhen } from '../when.js';

/**
 * Findings as cordon.yaml wants them: with its severities, without what it ignores. Errors by nature stay as they are. An
 * ignore that is of no use any more is a finding itself, so that the list doesn't grow for ever.
 */
export function applySettings(policy: Policy, found: readonly Diagnostic[], at: Date): Diagnostic[] {
  const { severities, ignore } = policy.settings;
  const subjects = subjectsOf(policy);
  const used = new Set<IgnoredFinding>();
  const isOver = ({ until }: IgnoredFinding): boolean => until?.kind === 'until' && until.end <= at;
  const live = ignore.filter((entry) => !isOver(entry));
  const left = found.filter((finding) => {
    if (!isConfigurable(finding)) return true;
    const hits = live.filter(({ code, about }) => code === finding.code && isAbout(about, subjects, finding.span));
    for (const entry of hits) used.add(entry);
    return hits.length === 0;
  });
  const report = new Report();
  for (const entry of ignore) {
    if (used.has(entry)) continue;
    const what = isOver(entry)
      ? `this ignore ended: ${formatWhen(entry.until!)}`
      : `no \`${entry.code}\` is found there`;
    report.add('ignore-unused', entry.span, what, 'remove the ignore, or correct its rule, name or date');
  }
  return [...left, ...report.diagnostics]
    .flatMap((finding) => withSeverity(finding, severities.get(finding.code)))
    .sort(compareDiagnostics);
}

function isConfigurable({ code }: Diagnostic): boolean {
  return Object.hasOwn(policyCodes, code) && policyCodes[code as PolicyCode][0] !== 'error';
}

function withSeverity(finding: Diagnostic, severity: Severity | 'off' | undefined): Diagnostic[] {
  if (severity === undefined || !isConfigurable(finding)) return [finding];
  return severity === 'off' ? [] : [{ ...finding, severity }];
}

type Subject = { readonly columns: readonly string[] } | { readonly name: string };

/** By place: the rule or the name that stands there. */
function subjectsOf(policy: Policy): ReadonlyMap<string, Subject> {
  const subjects = new Map<string, Subject>();
  for (const { span, subject, object, application, effect, when } of policy.flowRules)
    subjects.set(lineOf(span), { columns: ['p', subject, object, application, effect, formatWhen(when)] });
  for (const { span, class: device, site, posture, segment, when } of policy.accessRules)
    subjects.set(lineOf(span), { columns: ['p2', device, site, posture, segment, formatWhen(when)] });
  const { classes, endpoints, applications, segments, sites, schedules } = policy;
  const catalogs = [classes, endpoints, applications, segments, sites, schedules];
  const named = [...catalogs.flatMap((catalog) => [...catalog.values()]), ...policy.nas];
  for (const { name, span } of named) if (span) subjects.set(placeOf(span), { name });
  return subjects;
}

function isAbout(about: Subject, subjects: ReadonlyMap<string, Subject>, span: SourceSpan | undefined): boolean {
  if (!span) return false;
  const subject = 'columns' in about ? subjects.get(lineOf(span)) : subjects.get(placeOf(span));
  if (!subject) return false;
  if ('name' in about) return 'name' in subject && subject.name === about.name;
  return (
    'columns' in subject && about.columns.every((column, i) => column === anything || subject.columns[i] === column)
  );
}

/** In a column of an ignore. */
const anything = '*';

/** One rule stands on a line; names may share one. */
const lineOf = ({ file, line }: SourceSpan): string => `${file}:${line}`;
const placeOf = ({ file, line, column }: SourceSpan): string => `${file}:${line}:${column}`;
