import type { SuspicionKind } from '#model';
import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { countOf, print, printJson, red } from '../output.js';
import { UsageError } from '../policy-files.js';
import { alignTable, shown } from '../table.js';
import { formatTime } from '../times.js';
import { queryOf } from './query.js';

export interface SuspicionsOptions extends ControllerArguments {
  readonly mac?: string;
  readonly kind?: string;
  readonly state: string;
  readonly limit: string;
  readonly json?: boolean;
}

export interface DismissOptions extends ControllerArguments {
  readonly reason: string;
  readonly json?: boolean;
}

/** As the controller answers it. */
export interface Suspicion {
  readonly id: number;
  readonly mac: string;
  readonly kind: SuspicionKind;
  readonly state: 'open' | 'over' | 'dismissed';
  readonly action: 'alarm' | 'quarantine';
  readonly class: string;
  readonly reason: string;
  readonly nas: string;
  readonly nasPort: string | null;
  readonly raisedAt: string;
  readonly lastSeenAt: string;
  readonly count: number;
  readonly closedAt: string | null;
  readonly closedBy: string | null;
  readonly closedBecause: string | null;
}

/** Devices that may not be what they say. Exit code 0 when there are none, 2 when some are open. */
export async function suspicions(options: SuspicionsOptions): Promise<number> {
  const limit = Number(options.limit);
  if (!(Number.isInteger(limit) && limit > 0 && limit <= 1000))
    throw new UsageError(`--limit is \`${options.limit}\`: give a number, 1000 at most`);
  const { mac, kind, state } = options;
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const { items, next } = await client.get<{ items: Suspicion[]; next: string | null }>(
    `/api/v1/suspicions${queryOf({ mac, kind, state, limit: options.limit })}`,
  );
  if (options.json) printJson({ items, isCut: next !== null });
  else show(items, next !== null);
  return items.some((each) => each.state === 'open') ? 2 : 0;
}

const header = ['ID', 'RAISED', 'MAC', 'CLASS', 'NAS', 'PORT', 'KIND', 'DONE', 'SEEN', 'STATE'];

function show(items: readonly Suspicion[], isCut: boolean): void {
  const rows = items.map((each) => [
    String(each.id),
    formatTime(each.raisedAt),
    each.mac,
    shown(each.class),
    shown(each.nas),
    shown(each.nasPort),
    each.kind,
    each.action,
    String(each.count),
    stateOf(each),
  ]);
  if (rows.length > 0) {
    const [first = '', ...lines] = alignTable(header, rows);
    print(first);
    for (const [n, line] of lines.entries()) print(`${line}\n    ${shown(items[n]!.reason)}`);
  }
  print(countOf(items.length, 'suspicion'));
  if (isCut) print('there are more: narrow it down, or use a larger --limit');
}

function stateOf({ state, closedAt, closedBy, closedBecause }: Suspicion): string {
  if (state === 'open' || closedAt === null) return red('open');
  const by = state === 'dismissed' ? ` by ${shown(closedBy)}` : '';
  return `${state}${by} ${formatTime(closedAt)}: ${shown(closedBecause)}`;
}

/** A person says that there is nothing to it. */
export async function dismissSuspicion(id: string, options: DismissOptions): Promise<number> {
  if (!/^\d{1,15}$/.test(id))
    throw new UsageError(`\`${id}\` is not the id of a suspicion: \`cordon suspicions\` lists them`);
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const { reason } = options;
  const dismissed = await client.send<Suspicion>('POST', `/api/v1/suspicions/${id}/dismissal`, { reason });
  if (options.json) printJson(dismissed);
  else {
    print(`suspicion ${id} (${dismissed.kind} of ${dismissed.mac}) is dismissed`);
    if (dismissed.kind === 'downgrade')
      print('the device may come by its MAC address until it shows a certificate again');
    if (dismissed.action === 'quarantine')
      print(`its posture is as it was: release it with PUT /api/v1/devices/${dismissed.mac}/posture`);
  }
  return 0;
}
