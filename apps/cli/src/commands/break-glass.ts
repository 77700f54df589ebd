import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { countOf, print, printJson, red } from '../output.js';
import { UsageError } from '../policy-files.js';
import { alignTable, shown } from '../table.js';
import { formatTime } from '../times.js';

export interface BreakGlassOptions extends ControllerArguments {
  readonly json?: boolean;
}

export interface OpenOptions extends BreakGlassOptions {
  readonly mac?: string;
  readonly class?: string;
  readonly hours: string;
  readonly by: string;
  readonly reason: string;
}

interface BreakGlass {
  readonly id: number;
  readonly mac: string | null;
  readonly class: string | null;
  readonly opens: string;
  readonly openedBy: string;
  readonly reason: string;
  readonly openedAt: string;
  readonly until: string;
  readonly closedAt: string | null;
  readonly closedBy: string | null;
  readonly isOpen: boolean;
}

const clientOf = (options: BreakGlassOptions): ControllerClient =>
  new ControllerClient(readControllerOptions(options, process.env));

const subjectOf = ({ mac, class: name }: Pick<BreakGlass, 'mac' | 'class'>): string => mac ?? `class ${shown(name)}`;

export async function openBreakGlass(options: OpenOptions): Promise<number> {
  const { mac, class: name, by, reason } = options;
  const hours = Number(options.hours);
  if (!(hours > 0)) throw new UsageError(`--hours is \`${options.hours}\`: give a number, for example 0.5`);
  if ((mac === undefined) === (name === undefined)) throw new UsageError('whom does it open? Give --mac or --class');
  const body = { ...(mac === undefined ? { class: name } : { mac }), hours, by, reason };
  const opened = await clientOf(options).send<BreakGlass>('POST', '/api/v1/break-glass', body);
  if (options.json) printJson(opened);
  else {
    print(
      `${red('BREAK GLASS')} ${opened.id}: ${subjectOf(opened)} counts as \`${opened.opens}\` until ${formatTime(opened.until)}`,
    );
    print(`it ends by itself; before that with \`cordon break-glass close ${opened.id}\``);
  }
  return 0;
}

export async function closeBreakGlass(id: string, options: BreakGlassOptions): Promise<number> {
  if (!/^\d{1,15}$/.test(id)) throw new UsageError(`\`${id}\` is not an id: \`cordon break-glass list\` shows them`);
  const closed = await clientOf(options).send<BreakGlass>('DELETE', `/api/v1/break-glass/${id}`);
  if (options.json) printJson(closed);
  else print(`${subjectOf(closed)} counts as what policy says again`);
  return 0;
}

/** Exit code 0 when nothing is open, 2 when something is. */
export async function listBreakGlass(options: BreakGlassOptions): Promise<number> {
  const { items } = await clientOf(options).get<{ items: BreakGlass[] }>('/api/v1/break-glass?limit=200');
  const isAnyOpen = items.some(({ isOpen }) => isOpen);
  if (options.json) printJson({ items });
  else {
    const rows = items.map((each) => [
      String(each.id),
      subjectOf(each),
      each.opens,
      shown(each.openedBy),
      formatTime(each.openedAt),
      formatTime(each.until),
      each.isOpen ? red('open') : each.closedBy === null ? 'over' : `closed by ${shown(each.closedBy)}`,
      shown(each.reason),
    ]);
    if (rows.length > 0)
      for (const line of alignTable(['ID', 'WHO', 'COUNTS AS', 'BY', 'SINCE', 'UNTIL', 'STATE', 'REASON'], rows))
        print(line);
    print(countOf(items.filter(({ isOpen }) => isOpen).length, 'open break-glass order'));
  }
  return isAnyOpen ? 2 : 0;
}
