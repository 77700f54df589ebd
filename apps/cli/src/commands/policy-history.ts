import { formatPlan, type PolicyPlan } from '#plan';
import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { bold, countOf, green, print, printJson, red, yellow } from '../output.js';
import { UsageError } from '../policy-files.js';
import { alignTable, shown } from '../table.js';
import { formatTime } from '../times.js';

export interface PolicyHistoryOptions extends ControllerArguments {
  readonly limit: string;
  readonly json?: boolean;
}

type Approval =
  | { readonly kind: 'signature'; readonly name: string }
  | { readonly kind: 'claim'; readonly name: string; readonly trailer: string }
  | { readonly kind: 'forge'; readonly name: string; readonly pull: string; readonly isEarlier: boolean };

/** As the controller answers it. */
export interface PolicyPeriod {
  readonly id: number;
  readonly since: string;
  readonly until: string | null;
  readonly how: 'activate' | 'stage' | 'promote' | 'withdraw' | 'recompile' | 'roll-back';
  readonly scope: 'everywhere' | 'stages';
  readonly digest: string;
  readonly commit: string;
  readonly author: string;
  readonly message: string;
  readonly actor: string;
  readonly reason: string | null;
  readonly approvals: readonly Approval[];
  readonly asked: { readonly pull: string | null; readonly problem: string | null } | null;
  readonly change:
    | { readonly opened: number; readonly closed: number; readonly places: number; readonly classes: readonly string[] }
    | { readonly problem: string }
    | null;
  readonly rollout: { readonly id: number; readonly status: string; readonly reason: string | null } | null;
}

interface Page {
  readonly items: readonly PolicyPeriod[];
  readonly next: string | null;
}

/** Which policy was in force when. Exit 0, or 2 when none ever was. */
export async function policyHistory(options: PolicyHistoryOptions): Promise<number> {
  const limit = Number(options.limit);
  if (!(Number.isInteger(limit) && limit > 0 && limit <= 1000))
    throw new UsageError(`--limit is \`${options.limit}\`: give a number, 1000 at most`);
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const page = await client.get<Page>(`/api/v1/policy/history?limit=${limit}`);
  if (options.json) printJson(page);
  else show(page);
  return page.items.length > 0 ? 0 : 2;
}

/** All that an entry changed. Exit codes as those of `cordon plan`: 0 nothing, 2 something. */
export async function policyPlan(
  id: string,
  options: ControllerArguments & { readonly json?: boolean },
): Promise<number> {
  if (!/^\d{1,15}$/.test(id))
    throw new UsageError(`\`${id}\` is no number of the history: see \`cordon policy history\``);
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const plan = await client.get<PolicyPlan>(`/api/v1/policy/history/${id}/plan`);
  const paint = { bad: red, good: green, warn: yellow, strong: bold };
  if (options.json) printJson(plan);
  else process.stdout.write(formatPlan(plan, 'human', { paint }));
  return plan.changed ? 2 : 0;
}

const hows: Readonly<Record<PolicyPeriod['how'], string>> = {
  activate: 'in force',
  stage: 'rollout begins',
  promote: 'rolled out',
  withdraw: 'back everywhere',
  recompile: 'time changed it',
  'roll-back': 'rolled back',
};

const header = ['ID', 'SINCE', 'UNTIL', 'HOW', 'COMMIT', 'DIGEST', 'AUTHOR', 'APPROVED', 'CHANGES', 'BY', 'MESSAGE'];

function show({ items, next }: Page): void {
  const rows = items.map((period) => [
    String(period.id),
    formatTime(period.since),
    period.until === null ? 'now' : formatTime(period.until),
    howOf(period),
    period.commit.slice(0, 12),
    period.digest.slice(0, 12),
    shown(period.author),
    approvalsOf(period),
    changeOf(period),
    shown(period.actor),
    shown(period.message) + (period.reason === null ? '' : ` (${shown(period.reason)})`),
  ]);
  if (rows.length > 0) for (const line of alignTable(header, rows)) print(line);
  print(countOf(items.length, 'entry').replace('entrys', 'entries') + (next === null ? '' : '; --limit shows more'));
  if (items.some(({ approvals }) => approvals.some(({ kind }) => kind === 'claim')))
    print('claimed: the message of the commit says so, and anybody can write it');
  if (items.length > 0) print('`cordon policy plan ID` shows all that an entry changed');
}

function howOf({ how, scope, until, rollout }: PolicyPeriod): string {
  if (scope === 'everywhere' || !rollout) return hows[how];
  return `${hows[how]}: ${until === null ? rollout.status : rollout.status === 'withdrawn' ? 'withdrawn' : 'done'}`;
}

/** `proved` by a signature, `claimed` by its message, and by name what the forge says. */
export function approvalsOf({ approvals, asked }: Pick<PolicyPeriod, 'approvals' | 'asked'>): string {
  const texts = approvals.map((approval) => {
    const name = shown(approval.name);
    if (approval.kind === 'signature') return `${name} (signed)`;
    if (approval.kind === 'claim') return `${name} (claimed)`;
    return approval.isEarlier ? `${name} (an earlier state)` : name;
  });
  if (asked?.problem != null) texts.push('forge: no answer');
  return texts.length === 0 ? '-' : texts.join(', ');
}

const mostClasses = 3;

export function changeOf({ change }: Pick<PolicyPeriod, 'change'>): string {
  if (change === null) return '-';
  if ('problem' in change) return 'not known';
  const { opened, closed, places, classes } = change;
  if (opened + closed + places === 0) return 'none';
  const named =
    classes.slice(0, mostClasses).join(' ') + (classes.length > mostClasses ? ` +${classes.length - mostClasses}` : '');
  const moved = places > 0 ? ` ~${places}` : '';
  return `+${opened} -${closed}${moved}${named === '' ? '' : `: ${named}`}`;
}
