import { formatDiagnostic, type Diagnostic } from '#base';
import {
  ControllerClient,
  ControllerError,
  readControllerOptions,
  type ControllerArguments,
} from '../controller-client.js';
import { bold, countOf, green, print, printJson, red, yellow } from '../output.js';
import { alignTable, shown } from '../table.js';
import { formatTime, readSince, readUntil } from '../times.js';
import { queryOf } from './query.js';

export interface CandidateOptions extends ControllerArguments {
  readonly json?: boolean;
}

export interface CandidateReportOptions extends CandidateOptions {
  readonly since: string;
  readonly class?: string;
}

export interface CandidateStartOptions extends CandidateOptions {
  readonly until?: string;
  readonly reason?: string;
}

export interface CandidateStopOptions extends CandidateOptions {
  readonly reason?: string;
}

interface Branch {
  readonly branch: string;
  readonly until: string | null;
  readonly startedAt: string;
  readonly startedBy: string;
  readonly state: string;
  readonly endedAt: string | null;
  readonly commit: string;
  readonly author: string;
}

/** As the controller answers it. */
interface Status {
  readonly kind: 'branch' | 'lines' | null;
  readonly branch: Branch | null;
  readonly candidate: { readonly digest: string; readonly lines: number } | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly points: readonly { readonly point: string; readonly why: string | null }[];
  readonly last: Branch | null;
}

interface Said {
  readonly verdict: 'allow' | 'deny';
  readonly reason: string;
  readonly rules: readonly { readonly file: string; readonly line: number; readonly text: string }[];
}

interface Finding {
  readonly change: 'would-break' | 'would-allow';
  readonly class: string | null;
  readonly criticality: string | null;
  readonly destination: string;
  readonly addresses: readonly string[];
  readonly application: string;
  readonly services: readonly string[];
  readonly packets: number;
  readonly connections: number;
  readonly devices: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly inForce: Said;
  readonly candidate: Said;
}

interface Report {
  readonly since: string;
  readonly complete: boolean;
  readonly findings: readonly Finding[];
  readonly asked: { readonly denied: number; readonly seen: number; readonly unclear: number };
}

const path = '/api/v1/policy/candidate';
const clientOf = (options: CandidateOptions): ControllerClient =>
  new ControllerClient(readControllerOptions(options, process.env));

export const candidateExitCodes = `
Exit code: 0 nothing of what was seen would break, or nothing is in audit,
           1 what is in audit can't be judged: its branch can't be read, or it does not compile,
           2 something would break.
docs/audit-mode.md is the guide.`;

/** What the policy in audit would do to what was seen, and to what was denied. */
export async function candidateReport(options: CandidateReportOptions): Promise<number> {
  const since = readSince(options.since, new Date()).toISOString();
  const client = clientOf(options);
  const status = await client.get<Status>(path);
  const report = status.candidate ? await reportOf(client, queryOf({ since, class: options.class })) : null;
  if (options.json) printJson({ ...status, report });
  else {
    showStatus(status);
    if (report) showReport(report);
  }
  if (!report) return status.kind === null ? 0 : 1;
  return report.findings.some(({ change }) => change === 'would-break') ? 2 : 0;
}

/** Null: what was there a moment ago is there no more. */
async function reportOf(client: ControllerClient, query: string): Promise<Report | null> {
  try {
    return await client.get<Report>(`${path}/report${query}`);
  } catch (error) {
    if (error instanceof ControllerError && error.status === 409) return null;
    throw error;
  }
}

export async function startCandidate(branch: string, options: CandidateStartOptions): Promise<number> {
  const { until, reason } = options;
  const status = await clientOf(options).send<Status>('PUT', path, {
    branch,
    ...(until !== undefined && { until: readUntil(until, new Date()).toISOString() }),
    ...(reason !== undefined && { reason }),
  });
  if (options.json) printJson(status);
  else showStatus(status);
  return status.candidate ? 0 : 1;
}

export async function stopCandidate(options: CandidateStopOptions): Promise<number> {
  await clientOf(options).send('DELETE', `${path}${queryOf({ reason: options.reason })}`);
  if (options.json) printJson({ stopped: true });
  else print('no branch is in audit any more');
  return 0;
}

const endings: Readonly<Record<string, string>> = {
  promoted: 'what it says is in force',
  deleted: 'there is no such branch any more',
  expired: 'its time was over',
  stopped: 'somebody ended it',
  replaced: 'another branch took its place',
};

function showStatus({ kind, branch, candidate, diagnostics, points, last }: Status): void {
  if (branch) {
    const until = branch.until === null ? '' : `, until ${formatTime(branch.until)}`;
    print(
      `${bold(`branch ${shown(branch.branch)} is in audit`)}: ${branch.commit.slice(0, 12)} by ${shown(branch.author)}`,
    );
    print(`  since     ${formatTime(branch.startedAt)} by ${shown(branch.startedBy)}${until}`);
  } else if (kind === 'lines' && candidate) print(bold(`${countOf(candidate.lines, 'line')} of the policy in audit`));
  else if (kind === null) print('nothing is in audit');
  if (!branch && last?.endedAt)
    print(
      `  before    branch ${shown(last.branch)}, ${last.state} ${formatTime(last.endedAt)}: ${endings[last.state] ?? ''}`,
    );
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  for (const error of errors) print(red(formatDiagnostic(error)));
  if (kind !== null && !candidate) print(red('it is not judged: nothing is known of what it would do'));
  const watching = points.filter(({ why }) => why === null).map(({ point }) => point);
  if (watching.length > 0) print(`  watched   at ${watching.map(shown).join(', ')}`);
  for (const { point, why } of points)
    if (why !== null) print(`  ${yellow('not')}       at ${shown(point)}: ${shown(why)}`);
}

const header = [
  'CRITICALITY',
  'WHO',
  'TO',
  'APPLICATION',
  'CONNECTIONS',
  'DEVICES',
  'FIRST',
  'LAST',
  'IN FORCE',
  'IN AUDIT',
];

function showReport({ since, complete, findings, asked }: Report): void {
  const show = (change: Finding['change'], title: string): number => {
    const some = findings.filter((finding) => finding.change === change);
    if (some.length === 0) return 0;
    print(`\n${title}`);
    for (const line of alignTable(header, some.map(rowOf))) print(line);
    return some.length;
  };
  const broken = show('would-break', red('WOULD BREAK: it passes now'));
  const allowed = show('would-allow', bold('WOULD ALLOW: it is denied now'));
  const what = `${countOf(asked.seen, 'flow')} that passed and ${asked.denied} that were denied since ${formatTime(since)}`;
  print(
    `\n${broken > 0 ? red(`${broken} would break`) : green('nothing would break')}, ${allowed} would be allowed, of ${what}`,
  );
  if (asked.seen === 0) print(yellow('nothing that passed was told: that nothing would break means nothing'));
  if (asked.unclear > 0) print(`${countOf(asked.unclear, 'flow')} to too many destinations can't be judged`);
  if (!complete) print(yellow('there were more flows: those with most packets were judged'));
}

function rowOf(finding: Finding): string[] {
  const { criticality, application, services, connections, devices, firstAt, lastAt, inForce, candidate } = finding;
  return [
    criticality ?? '-',
    shown(finding.class ?? 'no class'),
    targetOf(finding),
    services.includes(application) ? application : `${shown(application)} (${services.join(', ')})`,
    String(connections),
    String(devices),
    formatTime(firstAt),
    formatTime(lastAt),
    saidOf(inForce),
    saidOf(candidate),
  ];
}

function targetOf({ destination, addresses }: Finding): string {
  const [first, ...more] = addresses;
  if (first === undefined || first === destination) return shown(destination);
  return `${shown(destination)} (${first}${more.length > 0 ? ' …' : ''})`;
}

const saidOf = ({ verdict, reason, rules }: Said): string => {
  const places = rules.map(({ file, line }) => `${file}:${line}`);
  const [first, ...more] = places;
  if (first === undefined) return shown(reason);
  return `${verdict} ${first}${more.length > 0 ? ` and ${more.length} more` : ''}`;
};
