import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { countOf, print, printJson } from '../output.js';
import { alignTable, shown } from '../table.js';
import { formatTime } from '../times.js';

export interface CountersOptions extends ControllerArguments {
  readonly json?: boolean;
}

interface LineCount {
  readonly id: string;
  readonly since: string;
  readonly packets: number;
  readonly bytes: number;
  readonly file: string | null;
  readonly line: number | null;
  readonly text: string | null;
}

/** As the controller answers it. */
interface PointCounters {
  readonly point: string;
  readonly readAt: string | null;
  readonly lines: readonly LineCount[];
  readonly denied: Pick<LineCount, 'since' | 'packets' | 'bytes'> | null;
  readonly audit: Pick<LineCount, 'since' | 'packets' | 'bytes'> | null;
}

/** Which lines of policy traffic meets at an enforcement point, and which it never met. */
export async function counters(point: string, options: CountersOptions): Promise<number> {
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const found = await client.get<PointCounters>(`/api/v1/enforcement-points/${encodeURIComponent(point)}/counters`);
  if (options.json) printJson(found);
  else show(found);
  return 0;
}

function show({ point, readAt, lines, denied, audit }: PointCounters): void {
  if (readAt === null) return print(`${point} has told no counters yet`);
  const hit = lines.filter(({ packets }) => packets > 0).sort((a, b) => b.packets - a.packets);
  const never = lines.filter(({ packets }) => packets === 0);
  if (hit.length > 0) {
    const rows = hit.map((line) => [
      String(line.packets),
      String(line.bytes),
      formatTime(line.since),
      placeOf(line),
      shown(line.text),
    ]);
    for (const row of alignTable(['PACKETS', 'BYTES', 'SINCE', 'LINE', 'RULE'], rows)) print(row);
  }
  if (never.length > 0) {
    print(`${hit.length > 0 ? '\n' : ''}Never met:`);
    const rows = never.map((line) => [formatTime(line.since), placeOf(line), shown(line.text)]);
    for (const row of alignTable(['SINCE', 'LINE', 'RULE'], rows)) print(row);
  }
  if (denied)
    print(`\nAllowed by no line, hence denied: ${countOf(denied.packets, 'packet')} since ${formatTime(denied.since)}`);
  if (audit && audit.packets > 0)
    print(
      `\nWould break by what is in audit: ${countOf(audit.packets, 'new connection')} since ${formatTime(audit.since)}`,
    );
  print(`\n${countOf(hit.length, 'line')} met, ${never.length} never; as of ${formatTime(readAt)}`);
}

const placeOf = ({ id, file, line }: LineCount): string =>
  file === null ? `${id} (no longer in the policy)` : `${file}:${line}`;
