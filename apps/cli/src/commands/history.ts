import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import type { HistoryAnswer, PlacementAnswer } from '../history-answers.js';
import { bold, print, printJson } from '../output.js';
import { UsageError } from '../policy-files.js';
import { formatTimeWithOffset, readSince, readTime } from '../times.js';
import { describeEntry } from './history-text.js';
import { describePlacement } from './placement-text.js';
import { queryOf } from './query.js';

export interface HistoryOptions extends ControllerArguments {
  readonly nas?: string;
  readonly port?: string;
  readonly at?: string;
  readonly since?: string;
  readonly limit: string;
  readonly json?: boolean;
}

/** What happened to a device or on a port; with --at also why it was where it was. Exit 0, or 2 when nothing is known of it. */
export async function history(mac: string | undefined, options: HistoryOptions): Promise<number> {
  const { nas, port } = options;
  if (mac === undefined ? nas === undefined || port === undefined : nas !== undefined || port !== undefined)
    throw new UsageError('whose history? Name a MAC, or --nas and --port');
  const now = new Date();
  const at = options.at === undefined ? null : readTime(options.at, now);
  const to = at ?? now;
  const from = readSince(options.since ?? (at ? '1h' : '24h'), to);
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const subject = { mac, nas, port };
  const placement = at
    ? await client.get<PlacementAnswer>(`/api/v1/history/placement${queryOf({ ...subject, at: at.toISOString() })}`)
    : null;
  const period = { from: from.toISOString(), to: to.toISOString(), limit: options.limit };
  const found = await client.get<HistoryAnswer>(`/api/v1/history${queryOf({ ...subject, ...period })}`);
  if (options.json) printJson({ placement, history: found });
  else show(mac ?? `port ${port} of ${nas}`, placement, found, from);
  return found.entries.length > 0 || (placement?.devices.length ?? 0) > 0 ? 0 : 2;
}

function show(subject: string, placement: PlacementAnswer | null, found: HistoryAnswer, from: Date): void {
  if (placement) print(`${describePlacement(placement, subject)}\n`);
  print(bold(`${subject} since ${formatTimeWithOffset(from.toISOString())}`));
  if (found.isCut) print('… there is more: a shorter --since, or a larger --limit, shows it');
  for (const entry of found.entries) print(describeEntry(entry, found.versions));
  if (found.entries.length === 0) print('nothing is stored of this time');
}
