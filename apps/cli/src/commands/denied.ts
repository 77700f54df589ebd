import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { countOf, print, printJson, red } from '../output.js';
import { UsageError } from '../policy-files.js';
import { alignTable, shown } from '../table.js';
import { formatTime, readSince } from '../times.js';
import { queryOf } from './query.js';

export interface DeniedOptions extends ControllerArguments {
  readonly since: string;
  readonly class?: string;
  readonly point?: string;
  readonly limit: string;
  readonly json?: boolean;
}

/** As the controller answers it. */
interface DeniedFlow {
  readonly point: string;
  readonly class: string | null;
  readonly sources: readonly {
    readonly address: string;
    readonly mac: string | null;
    readonly endpoints: readonly string[];
  }[];
  readonly destination: {
    readonly address: string;
    readonly endpoints: readonly string[];
    readonly class: string | null;
  } | null;
  readonly service: string | null;
  readonly packets: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly now: {
    readonly verdict: 'allow' | 'deny';
    readonly reason: string;
    readonly rules: readonly { readonly file: string; readonly line: number }[];
  } | null;
}

/** What firewalls denied. Exit code 2: something of it policy would allow now. */
export async function denied(options: DeniedOptions): Promise<number> {
  const limit = Number(options.limit);
  if (!(Number.isInteger(limit) && limit > 0 && limit <= 5000))
    throw new UsageError(`--limit is \`${options.limit}\`: give a number, 5000 at most`);
  const since = readSince(options.since, new Date()).toISOString();
  const { class: name, point } = options;
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const query = queryOf({ since, class: name, point, limit: options.limit });
  const { items } = await client.get<{ items: DeniedFlow[] }>(`/api/v1/flows/denied${query}`);
  if (options.json) printJson({ items });
  else show(items);
  return items.some(isAllowedNow) ? 2 : 0;
}

const isAllowedNow = ({ now }: DeniedFlow): boolean => now?.verdict === 'allow';
const header = ['PACKETS', 'FIRST', 'LAST', 'POINT', 'WHO', 'TO', 'SERVICE', 'NOW'];

/** What policy would allow stands first. */
function show(items: readonly DeniedFlow[]): void {
  const sorted = [...items.filter(isAllowedNow), ...items.filter((item) => !isAllowedNow(item))];
  const rows = sorted.map((item) => [
    String(item.packets),
    formatTime(item.firstAt),
    formatTime(item.lastAt),
    item.point,
    whoOf(item),
    targetOf(item),
    item.service ?? '-',
    nowOf(item),
  ]);
  if (rows.length > 0) for (const line of alignTable(header, rows)) print(line);
  const odd = items.filter(isAllowedNow).length;
  print(`${countOf(items.length, 'denied flow')}${odd > 0 ? red(`, ${odd} that policy would allow now`) : ''}`);
}

function whoOf({ class: name, sources }: DeniedFlow): string {
  const [first, ...more] = sources;
  if (!first) return shown(name);
  const device = shown(first.mac ?? first.endpoints[0] ?? first.address);
  const others = more.length > 0 ? ` and ${more.length > 3 ? 'others' : `${more.length} more`}` : '';
  return `${shown(name ?? 'no class')}: ${device}${others}`;
}

function targetOf({ destination }: DeniedFlow): string {
  if (!destination) return 'many';
  const name = destination.class ?? destination.endpoints[0];
  return name === undefined ? destination.address : `${shown(name)} (${destination.address})`;
}

function nowOf({ now }: DeniedFlow): string {
  if (!now) return '-';
  const places = now.rules.map(({ file, line }) => `${file}:${line}`).join(', ');
  if (now.verdict === 'allow') return `ALLOWED by ${places}`;
  return places === '' ? shown(now.reason) : `denied by ${places}`;
}
