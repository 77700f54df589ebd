import type { AuthenticationMethod, Convergence, DevicePosture } from '#model';
import { accessFor, effectivePosture, isCovered, type Coverage, type Snapshot } from '#policy';

/** Open sessions that are alike; `mac` where the rollout names the device. */
export interface SessionGroup {
  readonly mac: string | null;
  readonly site: string;
  readonly method: AuthenticationMethod;
  readonly class: string;
  readonly posture: DevicePosture;
  /** The policy by which they were told what they have. */
  readonly digest: string;
  readonly convergence: Convergence['state'];
  readonly count: number;
}

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

export class ProgressCount {
  private readonly known = new Map<string, boolean>();

  constructor(
    private readonly before: Snapshot,
    private readonly after: Snapshot,
  ) {}

  of(groups: readonly SessionGroup[], coverage: Coverage): Progress {
    const progress = { covered: 0, done: 0, pending: 0, held: 0, refused: 0 };
    for (const group of groups) {
      if (!isCovered(coverage, group.site, group.mac ?? '')) continue;
      progress.covered += group.count;
      if (this.isChanged(group)) progress[this.stateOf(group)] += group.count;
    }
    return progress;
  }

  private stateOf({ digest, convergence }: SessionGroup): Exclude<keyof Progress, 'covered'> {
    if (convergence === 'held') return 'held';
    if (convergence === 'diverged') return 'refused';
    return digest === this.after.digest && convergence === 'settled' ? 'done' : 'pending';
  }

  /** Whether the switch is told something else: what a session that is alike in both policies is called does not matter. */
  private isChanged(group: SessionGroup): boolean {
    const key = `${group.class} ${group.site} ${group.posture} ${group.method}`;
    let changed = this.known.get(key);
    if (changed === undefined) this.known.set(key, (changed = told(this.before, group) !== told(this.after, group)));
    return changed;
  }
}

function told(snapshot: Snapshot, { class: name, site, posture, method }: SessionGroup): string {
  const grant = accessFor(snapshot, name, site, effectivePosture(snapshot, posture, method));
  if (!grant) return 'none';
  const { vlan, sgt, voice, role, segment } = grant;
  return [segment, vlan, sgt, voice, role, aclText(snapshot, role)].join(' ');
}

const texts = new WeakMap<Snapshot['portAcls'], Map<string, string>>();

function aclText({ portAcls }: Snapshot, role: string): string {
  let known = texts.get(portAcls);
  if (!known) texts.set(portAcls, (known = new Map()));
  let text = known.get(role);
  if (text === undefined) {
    text = JSON.stringify(portAcls[role] ?? null, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
    known.set(role, text);
  }
  return text;
}
