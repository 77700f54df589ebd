import { homeOf, verdictOf, type DeviceState, type Probe, type Standing } from './expectation.ts';
import { devicePlans, sites, type DevicePlan, type PolicyVersion, type Site, type Vlan } from './hospital.ts';
import { Course, type Cause } from './windows.ts';

/** What is known of a device: what it is now, and what it may still be taken for. */
class DeviceBook {
  readonly course = new Course();
  readonly plan: DevicePlan;
  standing: Standing;
  vlan: Vlan | null = null;
  states: DeviceState[] = [];
  policies: readonly PolicyVersion[] = [];

  constructor(plan: DevicePlan) {
    this.plan = plan;
    this.standing = plan.isStranger ? 'quarantined' : 'pump';
  }

  get now(): DeviceState {
    return { standing: this.standing, vlan: this.vlan };
  }
}

class PointBook {
  readonly course = new Course();
  /** Somebody changed it by hand, and nobody looked since: anything may pass. */
  isTampered = false;
  /** It passes nothing: it does not run, or was started anew. */
  isDead = false;
}

export type Ruling = 'right' | 'late' | 'tampered' | 'wrong';

export interface Late {
  readonly cause: Cause;
  readonly milliseconds: number;
}

/** What a verdict may be, asked for when its packet is sent. */
export interface Allowed {
  readonly verdicts: ReadonlySet<boolean>;
  readonly isTampered: boolean;
}

/**
 * Says whether a packet's verdict may be. Each device has the policies and the states that it may still be judged by: all that held since
 * device and point were last settled, which they are when nothing is under way at them and the windows of the last acts have passed. Then only
 * what holds now is right.
 *
 * INVARIANT: what none of these policies allows in none of these states is wrong at any time, but for changes made by hand.
 */
export class Judge {
  private policy: PolicyVersion;
  private readonly devices = new Map<string, DeviceBook>();
  private readonly points: Record<Site, PointBook> = { main: new PointBook(), branch: new PointBook() };
  /** Longest time that the network still differed after what explains it was over. */
  readonly longest = new Map<Cause, number>();
  readonly counts: Record<Ruling, number> = { right: 0, late: 0, tampered: 0, wrong: 0 };
  /** Verdicts of which only one would have been accepted: a run without many of them proves nothing. */
  strict = 0;

  constructor(policy: PolicyVersion) {
    this.policy = policy;
    for (const plan of devicePlans) {
      const book = new DeviceBook(plan);
      book.policies = [policy];
      book.states = [book.now];
      this.devices.set(plan.mac, book);
    }
  }

  point(site: Site): Course {
    return this.points[site].course;
  }

  device(mac: string): Course {
    return this.devices.get(mac)!.course;
  }

  standingOf(mac: string): Standing {
    return this.devices.get(mac)!.standing;
  }

  vlanOf(mac: string): Vlan | null {
    return this.devices.get(mac)!.vlan;
  }

  get current(): PolicyVersion {
    return this.policy;
  }

  /** It may come into force from now on, at some places or everywhere. */
  mayHold(policy: PolicyVersion): void {
    for (const book of this.devices.values())
      if (!book.policies.includes(policy)) book.policies = [...book.policies, policy];
  }

  /** It is in force. */
  holds(policy: PolicyVersion): void {
    this.mayHold(policy);
    this.policy = policy;
  }

  /** The device may count as this from now on. */
  mayStand(mac: string, standing: Standing): void {
    const book = this.devices.get(mac)!;
    add(book, { ...book.now, standing });
  }

  stands(mac: string, standing: Standing): void {
    const book = this.devices.get(mac)!;
    book.standing = standing;
    add(book, book.now);
  }

  moved(mac: string, vlan: Vlan | null, now: number): void {
    const book = this.devices.get(mac)!;
    if (book.vlan === vlan) return;
    book.vlan = vlan;
    add(book, book.now);
    book.course.touch('session', now);
  }

  tamper(site: Site, now: number): void {
    this.points[site].isTampered = true;
    this.points[site].course.touch('drift', now);
  }

  /** Nothing passes until it was told everything again. */
  dies(site: Site): void {
    this.points[site].isDead = true;
  }

  allowed(probe: Probe, now: number): Allowed {
    const book = this.devices.get(probe.device.mac)!;
    const point = this.points[probe.device.nas.site];
    this.forget(book, point, now);
    const verdicts = new Set<boolean>(point.isDead ? [false] : []);
    for (const policy of book.policies)
      for (const state of book.states) {
        const verdict = verdictOf(probe, policy, state);
        if (verdict !== false) verdicts.add(true);
        if (verdict !== true) verdicts.add(false);
      }
    return { verdicts, isTampered: point.isTampered };
  }

  /** Now; null: either. */
  expected(probe: Probe): boolean | null {
    return verdictOf(probe, this.policy, this.devices.get(probe.device.mac)!.now);
  }

  /** `before`: what was allowed when the packet was sent. */
  rule(probe: Probe, passed: boolean, before: Allowed, now: number): Ruling {
    const after = this.allowed(probe, now);
    const ruling = this.rulingOf(probe, passed, before, after);
    this.counts[ruling]++;
    const accepted = before.verdicts.union(after.verdicts);
    if (accepted.size === 1 && !before.isTampered && !after.isTampered) this.strict++;
    if (ruling === 'late' || ruling === 'tampered') this.note(probe, now);
    return ruling;
  }

  private rulingOf(probe: Probe, passed: boolean, before: Allowed, after: Allowed): Ruling {
    const expected = this.expected(probe);
    if (expected === null || passed === expected) return 'right';
    if (before.verdicts.has(passed) || after.verdicts.has(passed)) return 'late';
    return before.isTampered || after.isTampered ? 'tampered' : 'wrong';
  }

  /** What has the longest window explains it. */
  private note({ device: { mac, nas } }: Probe, now: number): void {
    const courses = [this.devices.get(mac)!.course, this.points[nas.site].course];
    if (courses.some((course) => course.isHeld)) return;
    const [last] = courses
      .flatMap((course) => course.lateness(now) ?? [])
      .sort((a, b) => a.milliseconds - b.milliseconds);
    if (last) this.longest.set(last.cause, Math.max(this.longest.get(last.cause) ?? 0, last.milliseconds));
  }

  private forget(book: DeviceBook, point: PointBook, now: number): void {
    if (!point.course.isSettled(now)) return;
    point.isTampered = false;
    point.isDead = false;
    if (!book.course.isSettled(now)) return;
    book.policies = [this.policy];
    book.states = [book.now];
  }

  /** Everything was seen to be right: what differs from now on needs a new reason. */
  settle(now: number): void {
    for (const site of sites) this.points[site].course.settle();
    for (const book of this.devices.values()) {
      book.course.settle();
      this.forget(book, this.points[book.plan.nas.site], now);
    }
  }

  /** Switches that have a device elsewhere than it should be. */
  misplaced(): string[] {
    return [...this.devices.values()]
      .filter(({ standing, vlan }) => vlan !== homeOf(standing))
      .map(({ plan, standing, vlan }) => `${plan.mac} at ${plan.nas.name}: VLAN ${vlan}, and it is ${standing}`);
  }
}

function add(book: DeviceBook, state: DeviceState): void {
  if (book.states.some(({ standing, vlan }) => standing === state.standing && vlan === state.vlan)) return;
  book.states = [...book.states, state];
}
