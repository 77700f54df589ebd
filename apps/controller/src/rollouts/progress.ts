import { remembered } from '#base';
import { isCovered, type Coverage, type Snapshot } from '#policy';
import { grantOf } from '../sessions/resolve-principal.js';
import type { LiveSession } from '../sessions/live-sessions.js';

/** What of a session counts. */
export type CountedSession = Pick<
  LiveSession,
  'mac' | 'site' | 'method' | 'class' | 'posture' | 'snapshotDigest' | 'convergence'
>;

/** Of the sessions that the rollout covers, those that are something else under the new policy. */
export interface Progress {
  /** Covered sessions, changed or not. */
  readonly covered: number;
  readonly done: number;
  /** Have to be told yet. */
  readonly pending: number;
  /** Wait on purpose. */
  readonly held: number;
  /** Their switch refused, or did not answer. */
  readonly refused: number;
}

const countedAtOnce = 2000;

export class ProgressCount {
  private readonly known = new Map<string, boolean>();
  /** The same session object is asked about each second. */
  private readonly changed = new WeakMap<CountedSession, boolean>();

  constructor(
    private readonly before: Snapshot,
    private readonly after: Snapshot,
  ) {}

  /** A few thousand sessions take some milliseconds: `turn` comes between. */
  async of(
    sessions: Iterable<CountedSession>,
    coverage: Coverage,
    turn: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Progress> {
    const progress = { covered: 0, done: 0, pending: 0, held: 0, refused: 0 };
    let count = 0;
    for (const session of sessions) {
      if (++count % countedAtOnce === 0) await turn();
      if (!isCovered(coverage, session.site, session.mac)) continue;
      progress.covered++;
      if (remembered(this.changed, session, () => this.isChanged(session))) progress[this.stateOf(session)]++;
    }
    return progress;
  }

  private stateOf({ snapshotDigest, convergence }: CountedSession): Exclude<keyof Progress, 'covered'> {
    if (convergence === 'held') return 'held';
    if (convergence === 'diverged') return 'refused';
    return snapshotDigest === this.after.digest && convergence === 'settled' ? 'done' : 'pending';
  }

  /** Whether the switch is told something else: what a session that is alike in both policies is called does not matter. */
  private isChanged(session: CountedSession): boolean {
    const key = `${session.class} ${session.site} ${session.posture} ${session.method}`;
    return remembered(this.known, key, () => told(this.before, session) !== told(this.after, session));
  }
}

function told(snapshot: Snapshot, session: CountedSession): string {
  const grant = grantOf(snapshot, session);
  if (!grant) return 'none';
  const { vlan, sgt, voice, role, segment } = grant;
  return [segment, vlan, sgt, voice, role, aclText(snapshot, role)].join(' ');
}

const texts = new WeakMap<Snapshot['portAcls'], Map<string, string>>();

const aclText = ({ portAcls }: Snapshot, role: string): string =>
  remembered(
    remembered(texts, portAcls, () => new Map<string, string>()),
    role,
    () =>
      JSON.stringify(portAcls[role] ?? null, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
  );
