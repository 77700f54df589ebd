import { pause } from '../soak/pause.ts';
import type { ControllerUnderTest } from './cordon.ts';
import type { PolicyVersion } from './hospital.ts';
import type { Judge } from './judge.ts';

interface Version {
  readonly commit: string;
  readonly status: 'active' | 'staged' | 'waiting' | 'withdrawn' | 'refused' | 'superseded';
}

export interface RolloutView {
  readonly status: 'running' | 'paused' | 'halted' | 'done' | 'withdrawn';
  readonly reason: string | null;
}

const everyMilliseconds = 300;

/** Which policy is in force, asked of the controller: a commit, a rollout and its end come when they come. */
export class PolicyWatch {
  private readonly controller: ControllerUnderTest;
  private readonly judge: Judge;
  private readonly versions = new Map<string, PolicyVersion>();
  private head = '';
  private active = '';
  /** Ends what is under way at all places. */
  private releases: ((now: number) => void)[] = [];
  rollout: RolloutView | null = null;
  rollouts = 0;
  /** Digest of the policy in force. */
  digest = '';

  constructor(controller: ControllerUnderTest, judge: Judge) {
    this.controller = controller;
    this.judge = judge;
  }

  /** It is in git; whether and when it comes into force is the controller's to say. */
  committed(commit: string, version: PolicyVersion, isGood: boolean): void {
    this.versions.set(commit, version);
    this.head = commit;
    if (!isGood) return;
    this.judge.mayHold(version);
    this.begin();
  }

  /** Something that may bring another policy about is going to be asked for. */
  begin(): void {
    // What was in force before may come back.
    for (const version of [...this.versions.values()].slice(-4)) this.judge.mayHold(version);
    this.releases.push(this.judge.point('main').hold('change'), this.judge.point('branch').hold('change'));
  }

  get isSettled(): boolean {
    return this.releases.length === 0;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look().catch(() => undefined);
      await pause(everyMilliseconds, signal);
    }
  }

  async look(): Promise<void> {
    const before = this.releases.length;
    const { head } = this;
    const [policy, [newest], [rollout]] = await Promise.all([
      this.controller.ask<{ active: { commit: string; digest: string } | null }>('/policy'),
      this.controller.ask<{ items: Version[] }>('/policy/versions?limit=1').then(({ items }) => items),
      this.controller.ask<{ items: RolloutView[] }>('/rollouts?limit=1').then(({ items }) => items),
    ]);
    if (!policy.active || !newest) return;
    const isOpen = rollout !== undefined && ['running', 'paused', 'halted'].includes(rollout.status);
    if (isOpen && this.rollout === null) {
      this.rollouts++;
      this.begin();
    }
    this.rollout = isOpen ? rollout : null;
    this.digest = policy.active.digest;
    const version = this.versions.get(policy.active.commit);
    if (!version) throw new Error(`a policy that nobody committed is in force: ${policy.active.commit}`);
    if (policy.active.commit !== this.active) {
      this.active = policy.active.commit;
      this.judge.holds(version);
      this.begin();
    }
    const isJudged = newest.commit === head && newest.status !== 'staged' && newest.status !== 'waiting';
    if (isOpen || !isJudged || this.head !== head) return;
    // Only what was under way before the answers were given.
    const now = Date.now();
    for (const release of this.releases.splice(0, before)) release(now);
  }
}
