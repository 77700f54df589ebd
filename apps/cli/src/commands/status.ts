import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { bold, countOf, green, print, printJson, red, yellow } from '../output.js';
import { alignTable, shown } from '../table.js';
import { formatTime } from '../times.js';
import type { ThreeWays } from './policy-state.js';

export interface StatusOptions extends ControllerArguments {
  readonly by: string;
  readonly json?: boolean;
}

const states = ['enforced', 'pending', 'unknown', 'refused', 'diverged'] as const;
type Row = { readonly key: string; readonly total: number } & Readonly<Record<(typeof states)[number], number>>;

interface Point {
  readonly name: string;
  readonly driver: string;
  readonly site: string;
  readonly state: string;
  readonly lastSuccess: string | null;
  readonly lastError: { readonly at: string; readonly message: string } | null;
  readonly lastDrift: { readonly at: string; readonly steps: readonly string[] } | null;
}

/** What waits to be sent. */
interface Sent {
  readonly waiting: number;
  readonly late: { readonly since: string; readonly problem: string | null } | null;
}

interface Status {
  readonly installation: { readonly name: string; readonly sites: readonly string[] | null };
  readonly policy: {
    readonly active: {
      readonly commit: string;
      readonly author: string;
      readonly digest: string;
      readonly activatedAt: string;
    } | null;
    readonly refused: { readonly commit: string; readonly author: string } | null;
    readonly rolledBack: { readonly summary: string; readonly hint: string } | null;
    readonly source: { readonly state: string; readonly problem: { readonly summary: string } | null };
  };
  readonly bridges: { readonly connected: number; readonly known: readonly { readonly id: string }[] };
  readonly enforcementPoints: readonly Point[];
  readonly rollout: {
    readonly id: number;
    readonly status: string;
    readonly stage: string | null;
    readonly reason: string | null;
    readonly waitsFor: string | null;
  } | null;
  readonly breakGlass: readonly {
    readonly mac: string | null;
    readonly class: string | null;
    readonly as: string;
    readonly until: string;
  }[];
  readonly webhooks: Sent | null;
  readonly commitStatuses: Sent | null;
  readonly approvals: Sent | null;
  readonly threeWays: ThreeWays;
}

/** Intended against enforced. Exit code 0: the network does what policy says, as far as anything shows it; 2: not everywhere. */
export async function status(options: StatusOptions): Promise<number> {
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const now = await client.get<Status>('/api/v1/status');
  const { items } = await client.get<{ items: Row[] }>(`/api/v1/enforcement?by=${encodeURIComponent(options.by)}`);
  const wrong = problemsOf(now, items);
  if (options.json) printJson({ ok: wrong.length === 0, problems: wrong, ...now, sessions: items });
  else show(options.by, now, items, wrong);
  return wrong.length === 0 ? 0 : 2;
}

/** What a person has to look at, worst first. */
export function problemsOf(
  { policy, enforcementPoints, rollout, breakGlass, bridges, threeWays, ...sent }: Status,
  rows: readonly Row[],
): string[] {
  const out: string[] = [];
  const sum = (state: (typeof states)[number]): number => rows.reduce((all, row) => all + row[state], 0);
  if (!policy.active) out.push('no policy is in force');
  for (const { mac, class: name, as, until } of breakGlass)
    out.push(`break-glass: ${mac ?? `class ${shown(name)}`} counts as \`${as}\` until ${formatTime(until)}`);
  if (sum('refused') > 0)
    out.push(`${countOf(sum('refused'), 'session')} refused by their switches: \`cordon sessions --diverged\``);
  if (sum('diverged') > 0)
    out.push(`${countOf(sum('diverged'), 'session')} not as they were told: \`cordon sessions --diverged\``);
  for (const { name, state, lastError } of enforcementPoints)
    if (state !== 'in-sync' && state !== 'applying')
      out.push(`${name} is ${state}: ${shown(lastError?.message ?? null)}`);
  if (rollout?.status === 'halted') out.push(`rollout ${rollout.id} is halted: ${shown(rollout.reason)}`);
  if (policy.refused)
    out.push(`commit ${policy.refused.commit.slice(0, 12)} by ${shown(policy.refused.author)} was refused`);
  if (policy.source.state === 'unreachable')
    out.push(`the policy repository is unreachable: ${shown(policy.source.problem?.summary ?? null)}`);
  if (policy.rolledBack) out.push(`${shown(policy.rolledBack.summary)}: ${policy.rolledBack.hint}`);
  // The others have a line of their own here.
  const unnamed = new Set(['bridge', 'withdrawn', 'second-writer']);
  for (const { kind, summary, hint } of threeWays.disagreements)
    if (unnamed.has(kind)) out.push(`${shown(summary)}: ${hint}`);
  const { webhooks, commitStatuses, approvals } = sent;
  if (webhooks?.late) out.push(notDelivered(countOf(webhooks.waiting, 'webhook'), webhooks.late));
  if (commitStatuses?.late)
    out.push(notDelivered(countOf(commitStatuses.waiting, 'message'), commitStatuses.late, ' to the forge'));
  if (approvals?.late)
    out.push(notDelivered(countOf(approvals.waiting, 'question for approvals'), approvals.late, ' to the forge'));
  if (bridges.connected === 0) out.push('no bridge is connected');
  return out;
}

const notDelivered = (what: string, { since, problem }: NonNullable<Sent['late']>, to = ''): string =>
  `${what}${to} not delivered, the oldest since ${formatTime(since)}: ${shown(problem)}`;

function show(
  by: string,
  { installation, policy, enforcementPoints, rollout, bridges }: Status,
  rows: readonly Row[],
  wrong: readonly string[],
): void {
  const { active } = policy;
  if (installation.sites) print(`for       ${installation.name}: ${installation.sites.join(', ')} and the sites below`);
  if (active)
    print(
      `policy    ${active.commit.slice(0, 12)} by ${shown(active.author)}, since ${formatTime(active.activatedAt)}`,
    );
  if (rollout)
    print(
      `rollout   ${rollout.id} ${rollout.status}, stage ${shown(rollout.stage)}${rollout.waitsFor === null ? '' : `: ${rollout.waitsFor}`}`,
    );
  // One that has had nothing to tell yet is connected, and not known.
  const known = Math.max(bridges.connected, bridges.known.length);
  print(`bridges   ${bridges.connected} connected of ${known} known`);
  print('');
  if (rows.length > 0) {
    const table = rows.map((row) => [shown(row.key), String(row.total), ...states.map((state) => String(row[state]))]);
    for (const line of alignTable([by.toUpperCase(), 'SESSIONS', ...states.map((state) => state.toUpperCase())], table))
      print(line);
    print('');
  }
  if (enforcementPoints.length > 0) {
    const table = enforcementPoints.map(({ name, driver, site, state, lastSuccess, lastDrift }) => [
      name,
      driver,
      site,
      state,
      lastSuccess === null ? '-' : formatTime(lastSuccess),
      lastDrift === null ? '-' : formatTime(lastDrift.at),
    ]);
    for (const line of alignTable(['POINT', 'DRIVER', 'SITE', 'STATE', 'LAST GOOD', 'LAST DRIFT'], table)) print(line);
    print('');
  }
  if (wrong.length === 0) print(green('the network does what policy says'));
  else for (const problem of wrong) print(`${problem.startsWith('break-glass') ? yellow('!') : red('!')} ${problem}`);
  if (rows.some(({ unknown }) => unknown > 0))
    print(`${bold('unknown')}: the switch does no accounting, so nothing shows what it does`);
}
