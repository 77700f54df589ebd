import type { Session, SuspicionKind } from '#model';
import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { countOf, print, printJson } from '../output.js';
import { UsageError } from '../policy-files.js';
import { alignTable, shown } from '../table.js';
import { formatTime } from '../times.js';
import { queryOf } from './query.js';

export interface SessionsOptions extends ControllerArguments {
  readonly mac?: string;
  readonly nas?: string;
  readonly site?: string;
  readonly class?: string;
  readonly segment?: string;
  readonly method?: string;
  readonly state: string;
  readonly diverged?: boolean;
  readonly limit: string;
  readonly json?: boolean;
}

/** A session with what policy says of it now. */
interface SessionView extends Session {
  readonly desired: { readonly segment: string; readonly vlan: number; readonly role: string } | null;
  readonly isConverged: boolean;
  readonly enforcement: { readonly state: string; readonly reason: string | null; readonly since: string };
  readonly suspicions: readonly SuspicionKind[];
}

interface Page {
  readonly items: readonly SessionView[];
  readonly next: string | null;
}

const largestPage = 1000;

/** Who is on the network, where, and as what. Exit code 0, also when nobody is. */
export async function sessions(options: SessionsOptions): Promise<number> {
  const { mac, nas, site, class: name, segment, method, state, diverged } = options;
  const limit = options.limit === 'all' ? Infinity : Number(options.limit);
  if (!(limit === Infinity || (Number.isInteger(limit) && limit > 0)))
    throw new UsageError(`--limit is \`${options.limit}\`: give a number, or all`);
  const asked = { mac, nas, site, class: name, segment, method, diverged: diverged ? 'true' : undefined };
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const found: SessionView[] = [];
  let cursor: string | null = null;
  do {
    const size = String(Math.min(largestPage, limit - found.length));
    const page: Page = await client.get<Page>(
      `/api/v1/sessions${queryOf({ ...asked, state: state === 'all' ? undefined : state, limit: size, cursor })}`,
    );
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null && found.length < limit);
  if (options.json) printJson({ items: found, isCut: cursor !== null });
  else show(found, { isCut: cursor !== null, withFingerprints: mac !== undefined });
  return 0;
}

const header = ['MAC', 'NAS', 'PORT', 'CLASS', 'POSTURE', 'SEGMENT', 'VLAN', 'METHOD', 'SINCE', 'STATE'];

interface Shown {
  readonly isCut: boolean;
  /** What the device says of itself, below each session. */
  readonly withFingerprints: boolean;
}

function show(found: readonly SessionView[], { isCut, withFingerprints }: Shown): void {
  const rows = found.map((session) => [
    session.mac,
    shown(session.nas),
    shown(session.nasPort),
    shown(session.class),
    session.posture,
    shown(session.segment),
    String(session.vlan),
    session.method,
    formatTime(session.startedAt),
    `${stateOf(session)}${suspicionsOf(session)}`,
  ]);
  const [first = '', ...lines] = rows.length > 0 ? alignTable(header, rows) : [];
  if (first !== '') print(first);
  for (const [n, line] of lines.entries()) {
    print(line);
    if (withFingerprints) for (const said of describeFingerprint(found[n]!)) print(`    ${said}`);
  }
  const diverged = found.filter(
    ({ state, isConverged, enforcement: { state: does } }) =>
      state === 'open' && (!isConverged || does === 'refused' || does === 'diverged'),
  ).length;
  print(`${countOf(found.length, 'session')}${diverged > 0 ? `, ${diverged} not as policy wants` : ''}`);
  if (isCut) print('there are more: narrow it down, or use --limit all');
}

const describeFingerprint = ({ fingerprint }: SessionView): string[] =>
  Object.entries(fingerprint ?? {}).map(([field, text]) => `${field}: ${shown(text)}`);

const suspicionsOf = ({ suspicions }: SessionView): string =>
  suspicions.length > 0 ? `; suspicion: ${suspicions.join(', ')}` : '';

/** What the port is not as it should be for, or how the session ended. */
function stateOf({ state, endReason, isConverged, desired, enforcement }: SessionView): string {
  if (state === 'closed') return `closed: ${shown(endReason)}`;
  const { state: does, reason, since } = enforcement;
  const shows = does === 'enforced' ? '' : `; ${does} since ${formatTime(since)}: ${shown(reason)}`;
  if (isConverged) return `open${does === 'unknown' ? '' : shows}`;
  const wanted = desired ? `policy wants ${desired.segment} (VLAN ${desired.vlan})` : 'policy gives it no place';
  return `open, ${wanted}${shows}`;
}
