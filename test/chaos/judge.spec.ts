import { describe, expect, it } from 'vitest';
import { probesOf, type Probe, type Purpose } from './expectation.ts';
import { devicePlans, vlans, type PolicyVersion } from './hospital.ts';
import { Judge, type Ruling } from './judge.ts';
import { windows } from './windows.ts';

const [pump] = devicePlans;
const mac = pump!.mac;
const probe = (purpose: Purpose): Probe => probesOf(pump!).find((each) => each.purpose === purpose)!;
const closed: PolicyVersion = { open: [], isStaged: false };
const open: PolicyVersion = { open: [0], isStaged: false };

/** A hospital at rest in which the first pump is in its segment. */
class Bench {
  now = 1_000_000;
  readonly judge = new Judge(closed);

  constructor() {
    this.judge.moved(mac, vlans.pumps, this.now);
    this.judge.settle(this.now);
  }

  wait(seconds: number): this {
    this.now += seconds * 1000;
    return this;
  }

  sees(purpose: Purpose, passed: boolean): Ruling {
    const before = this.judge.allowed(probe(purpose), this.now);
    return this.judge.rule(probe(purpose), passed, before, this.now);
  }
}

describe('at rest', () => {
  it.each<[Purpose, boolean, Ruling]>([
    ['library', true, 'right'],
    ['library', false, 'wrong'],
    ['service', false, 'right'],
    ['service', true, 'wrong'],
    ['break-glass', true, 'wrong'],
    ['remediation', true, 'wrong'],
    ['never', true, 'wrong'],
  ])('a packet to %s that passed: %s is %s', (purpose, passed, ruling) => {
    expect(new Bench().sees(purpose, passed)).toBe(ruling);
  });
});

describe('a commit', () => {
  const changed = (): Bench => {
    const bench = new Bench();
    const release = bench.judge.point('main').hold('change');
    bench.judge.mayHold(open);
    bench.judge.holds(open);
    release(bench.now);
    return bench;
  };

  it('may be late within its window, and not after it', () => {
    const bench = changed();
    expect(bench.wait(windows.change - 1).sees('service', false)).toBe('late');
    expect(bench.wait(2).sees('service', false)).toBe('wrong');
    expect(bench.sees('service', true)).toBe('right');
    // Not the first: it might have been the other.
    expect(bench.judge.strict).toBe(2);
    expect(Object.fromEntries(bench.judge.longest)).toEqual({ change: (windows.change - 1) * 1000 });
  });

  it('never opens what neither it nor the policy before it opens', () => {
    const bench = changed();
    expect(bench.sees('never', true)).toBe('wrong');
    expect(bench.sees('break-glass', true)).toBe('wrong');
    expect(bench.sees('library', false)).toBe('wrong');
  });

  it('is not late any more once all was seen to be right', () => {
    const bench = changed();
    bench.judge.settle(bench.now);
    expect(bench.wait(1).sees('service', false)).toBe('wrong');
  });

  it('waits as long as something is under way', () => {
    const bench = changed();
    const release = bench.judge.point('main').hold('point');
    expect(bench.wait(600).sees('service', false)).toBe('late');
    release(bench.now);
    expect(bench.wait(windows.point + 1).sees('service', false)).toBe('wrong');
  });
});

describe('a device', () => {
  it('has nothing while its switch has it elsewhere', () => {
    const bench = new Bench();
    bench.judge.stands(mac, 'quarantined');
    bench.judge.settle(bench.now);
    expect(bench.sees('library', true)).toBe('wrong');
    expect(bench.sees('remediation', true)).toBe('right');
    expect(bench.sees('remediation', false)).toBe('right');
    bench.judge.moved(mac, vlans.quarantine, bench.now);
    bench.judge.settle(bench.now);
    expect(bench.sees('remediation', false)).toBe('wrong');
  });

  it('may have what it had until the window has passed', () => {
    const bench = new Bench();
    const release = bench.judge.device(mac).hold('change');
    bench.judge.stands(mac, 'quarantined');
    release(bench.now);
    expect(bench.sees('library', true)).toBe('late');
    expect(bench.wait(windows.change + 1).sees('library', true)).toBe('wrong');
  });
});

describe('an enforcement point', () => {
  it('may do anything after a change by hand, and not for long', () => {
    const bench = new Bench();
    bench.judge.tamper('main', bench.now);
    expect(bench.sees('never', true)).toBe('tampered');
    expect(bench.wait(windows.drift + 1).sees('never', true)).toBe('wrong');
  });

  it('of another site is not meant', () => {
    const bench = new Bench();
    bench.judge.tamper('branch', bench.now);
    expect(bench.sees('never', true)).toBe('wrong');
  });

  it('that was dead may drop, and open nothing', () => {
    const bench = new Bench();
    const release = bench.judge.point('main').hold('point');
    bench.judge.dies('main');
    expect(bench.sees('library', false)).toBe('late');
    expect(bench.sees('service', true)).toBe('wrong');
    release(bench.now);
    expect(bench.wait(windows.point + 1).sees('library', false)).toBe('wrong');
  });
});
