import type { Session } from '#model';

/** A MAC address that has sessions on two wired ports, as far as it has been followed. */
export interface Contest {
  /** Where the device showed life last, and where it did before. */
  readonly port: string;
  readonly other: string;
  /** When life went from one of the two to the other, oldest first; none is older than `within`. */
  readonly changes: readonly string[];
  /** Sessions that had traffic in one accounting record since the last change: in part that may be from before it. */
  readonly hadTraffic: readonly string[];
}

/** One report of a session, and the one before it. */
export interface SessionReport {
  readonly before: Session | null;
  readonly after: Session;
}

/** So often life has to go from one port to the other: a device that moved does it once, one that is carried back twice. */
const changesOfTwo = 3;
const within = 3_600_000;
/** A switch may end the session on the old port just before it asks for the new one. */
const justEnded = 10_000;
/** A session that is reported for the first time later than that was found by accounting: it did not begin now. */
const justBegun = 60_000;

/**
 * Whether one MAC address is on two ports at once. Open sessions alone prove nothing: where a telephone or hub stands between,
 * the switch does not see a device go. So it has to show life on both ports in turns, three times within an hour, each time while
 * its session on the other port is open.
 *
 * Life is a session that begins, or traffic in two accounting records one after the other. An answer to MAC authentication is
 * none: switches repeat that by a timer, with nobody there. Wireless sessions are left out: devices roam, and access points keep
 * their sessions for minutes.
 */
export function followContest(
  known: Contest | null,
  report: SessionReport,
  others: readonly Session[],
): { readonly contest: Contest | null; readonly isFound: boolean } {
  const { before, after } = report;
  const unchanged = { contest: known, isFound: false };
  if (!isWired(after) || after.state !== 'open') return unchanged;
  const here = portKey(after);
  const at = begins(report) ? after.startedAt : after.updatedAt;
  const elsewhere = others.filter((other) => portKey(other) !== here && isThere(other, at));
  if (!begins(report)) {
    const hasTraffic = before !== null && after.inputOctets > before.inputOctets;
    if (!hasTraffic || !known || known.port === here) return unchanged;
    if (!known.hadTraffic.includes(after.id))
      return { contest: { ...known, hadTraffic: [...known.hadTraffic, after.id] }, isFound: false };
  }
  if (known?.port === here) return unchanged;
  const last = known?.port ?? latest(elsewhere);
  // The session on the other port had ended: the device moved.
  if (last === null || !elsewhere.some((other) => portKey(other) === last)) return { contest: null, isFound: false };
  const earlier = known && known.other === here ? known.changes : [];
  const changes = [...earlier.filter((change) => Date.parse(at) - Date.parse(change) < within), at];
  const contest: Contest = { port: here, other: last, changes, hadTraffic: [] };
  return { contest, isFound: changes.length >= changesOfTwo };
}

export const portKey = ({ nas, nasPort }: Pick<Session, 'nas' | 'nasPort'>): string => `${nas} ${nasPort ?? ''}`;

const begins = ({ before, after }: SessionReport): boolean =>
  before === null && Date.parse(after.updatedAt) - Date.parse(after.startedAt) < justBegun;

/** Sessions that an older release reported do not say. */
export const isWired = ({ isWireless }: Session): boolean => isWireless === false;

const isThere = (session: Session, at: string): boolean =>
  isWired(session) &&
  (session.state === 'open' || Math.abs(Date.parse(at) - Date.parse(session.updatedAt)) < justEnded);

function latest(sessions: readonly Session[]): string | null {
  const [newest] = [...sessions].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  return newest ? portKey(newest) : null;
}
