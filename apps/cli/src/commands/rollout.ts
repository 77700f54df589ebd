import { setTimeout as sleep } from 'node:timers/promises';
import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { bold, countOf, green, print, printJson, red, yellow } from '../output.js';
import { UsageError } from '../policy-files.js';
import { alignTable, shown } from '../table.js';
import { formatTime } from '../times.js';
import { rollBack } from './roll-back.js';

export interface RolloutOptions extends ControllerArguments {
  readonly json?: boolean;
}

export interface RolloutStatusOptions extends RolloutOptions {
  readonly watch?: boolean;
  readonly limit: string;
}

export interface RolloutReasonOptions extends RolloutOptions {
  readonly reason: string;
}

export interface RolloutReleaseOptions extends RolloutReasonOptions {
  readonly mac?: string;
  readonly class?: string;
  readonly all?: boolean;
}

/** As the controller answers it. */
export interface Rollout {
  readonly id: number;
  readonly status: 'running' | 'paused' | 'halted' | 'done' | 'withdrawn';
  readonly commit: string;
  readonly author: string;
  readonly message: string;
  readonly stage: number;
  readonly stageSince: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly reason: string | null;
  readonly rules: { readonly stages: readonly { readonly name: string }[] };
  readonly facts: {
    readonly progress: {
      readonly covered: number;
      readonly done: number;
      readonly pending: number;
      readonly held: number;
      readonly refused: number;
    };
    readonly authenticated: number;
    readonly rejected: number;
    readonly missing: number;
    readonly denied: { readonly before: number; readonly now: number } | null;
  } | null;
  readonly waitsFor: string | null;
}

const open: ReadonlySet<Rollout['status']> = new Set(['running', 'paused', 'halted']);
const watchMilliseconds = 1000;

const clientOf = (options: RolloutOptions): ControllerClient =>
  new ControllerClient(readControllerOptions(options, process.env));

/** Exit code 0: none is under way; 2: one is; 3: one is halted. With --watch it ends with the rollout: 0 done, 1 withdrawn. */
export async function rolloutStatus(options: RolloutStatusOptions): Promise<number> {
  const limit = Number(options.limit);
  if (!(Number.isInteger(limit) && limit > 0 && limit <= 1000))
    throw new UsageError(`--limit is \`${options.limit}\`: give a number, 1000 at most`);
  const client = clientOf(options);
  if (options.watch) return watch(client, options.json ?? false);
  const { items } = await client.get<{ items: Rollout[] }>(`/api/v1/rollouts?limit=${limit}`);
  const current = items.find(({ status }) => open.has(status));
  if (options.json) printJson({ items });
  else {
    if (current) print(`${describeRollout(current).join('\n')}\n`);
    showList(items);
  }
  return current ? (current.status === 'halted' ? 3 : 2) : 0;
}

async function watch(client: ControllerClient, isJson: boolean): Promise<number> {
  let before = '';
  let drawn = 0;
  for (;;) {
    const { items } = await client.get<{ items: Rollout[] }>('/api/v1/rollouts?limit=1');
    const [newest] = items;
    if (!newest) {
      print(isJson ? 'null' : 'there has been no rollout');
      return 0;
    }
    const lines = isJson ? [JSON.stringify(newest)] : describeRollout(newest);
    const text = lines.join('\n');
    // On a terminal the view is drawn over itself; in a file each change is a line.
    if (process.stdout.isTTY && !isJson) {
      if (drawn > 0) process.stdout.write(`\u001b[${drawn}A\u001b[0J`);
      drawn = lines.length;
      print(text);
    } else if (text !== before) print(text);
    before = text;
    if (!open.has(newest.status)) return newest.status === 'done' ? 0 : 1;
    await sleep(watchMilliseconds);
  }
}

export function describeRollout({ id, status, commit, author, message, stage, rules, ...about }: Rollout): string[] {
  const colour = status === 'done' ? green : status === 'running' ? bold : status === 'paused' ? yellow : red;
  const stages = rules.stages.map(({ name }, i) => {
    if (status === 'done' || i < stage) return green(`✔ ${name}`);
    return i === stage ? bold(`▶ ${name}`) : name;
  });
  const out = [
    `rollout ${id} ${colour(status)}: ${commit.slice(0, 12)} by ${shown(author)}, ${shown(message.split('\n', 1)[0]!)}`,
    `  stages    ${stages.join('  ')}`,
  ];
  const { facts, waitsFor, reason, endedAt } = about;
  if (facts) {
    const { covered, done, pending, held, refused } = facts.progress;
    const all = done + pending + held + refused;
    out.push(
      `  sessions  ${bar(done, all)} ${done} of ${all} changed, ${pending} to go, ${held} held back, ${refused} refused (${covered} covered)`,
    );
    const drops = facts.denied
      ? `, ${facts.denied.now.toFixed(1)} packets/s dropped (${facts.denied.before.toFixed(1)} before)`
      : '';
    out.push(
      `  gates     ${facts.rejected} of ${countOf(facts.authenticated, 'device')} rejected, ${facts.missing} missing${drops}`,
    );
  }
  if (waitsFor !== null && status === 'running') out.push(`  waits     ${waitsFor}`);
  if (reason !== null) out.push(`  because   ${shown(reason)}`);
  if (endedAt !== null) out.push(`  ended     ${formatTime(endedAt)}`);
  return out;
}

const barWidth = 20;

function bar(part: number, all: number): string {
  const full = all === 0 ? barWidth : Math.floor((part / all) * barWidth);
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}]`;
}

function showList(items: readonly Rollout[]): void {
  const rows = items.map(({ id, status, commit, author, startedAt, endedAt, stage, rules }) => [
    String(id),
    status,
    commit.slice(0, 12),
    shown(author),
    formatTime(startedAt),
    endedAt === null ? '-' : formatTime(endedAt),
    status === 'done' ? '-' : (rules.stages[stage]?.name ?? '-'),
  ]);
  if (rows.length > 0)
    for (const line of alignTable(['ID', 'STATUS', 'COMMIT', 'AUTHOR', 'STARTED', 'ENDED', 'STAGE'], rows)) print(line);
  print(countOf(items.length, 'rollout'));
}

export type RolloutOperation = 'pause' | 'resume' | 'advance' | 'abort' | 'roll-back';

const said: Readonly<Record<Exclude<RolloutOperation, 'roll-back'>, string>> = {
  pause: 'paused: what is covered stays so, and no stage begins',
  resume: 'goes on',
  advance: 'the next stage begins',
  abort: 'aborted: what was covered goes back to the policy before',
};

export async function operateRollout(operation: RolloutOperation, options: RolloutReasonOptions): Promise<number> {
  const { reason } = options;
  if (operation === 'roll-back') return rollBack('previous', { ...options, now: true });
  await clientOf(options).send('POST', `/api/v1/rollouts/current/${operation}`, { reason });
  if (options.json) printJson({ operation, ok: true });
  else print(said[operation]);
  return 0;
}

export async function releaseRollout(options: RolloutReleaseOptions): Promise<number> {
  const { mac, class: name, all, reason } = options;
  const given = { ...(mac !== undefined && { mac }), ...(name !== undefined && { class: name }), ...(all && { all }) };
  if (Object.keys(given).length !== 1)
    throw new UsageError('whom does it release? Give one of --mac, --class and --all');
  await clientOf(options).send('POST', '/api/v1/rollouts/current/release', { ...given, reason });
  if (options.json) printJson({ released: given });
  else
    print(
      `released: ${mac ?? (name === undefined ? 'all' : `class ${name}`)}; devices in clinical use wait all the same`,
    );
  return 0;
}
