import { assertNever } from '#base';
import { accessFor } from '../decide.js';
import { isUnlocated } from '../workloads.js';
import type { Invariant, InvariantTime, Policy, PolicyTest } from '../policy.js';
import type { AccessGrant, Snapshot } from '../snapshot.js';
import { accessFindings } from './access-claims.js';
import { formatInstant, type PolicyTestFailure } from './failure.js';
import { describe, flowFindings } from './flow-claims.js';
import { packetOf, partsOf } from './packets.js';
import { momentsOf, periodAt, periodsAhead, type Moments, type Period } from './timeline.js';
import { Universe } from './universe.js';

/**
 * The policy's own tests and invariants against its snapshot. Invariants are judged over every packet they speak of, at
 * every instant that they name: the policy divides packets into finitely many parts with one verdict each, and time into
 * few sets of rules in force, and all of them are looked at.
 */
export function runPolicyTests(policy: Policy, snapshot: Snapshot): readonly PolicyTestFailure[] {
  const universe = new Universe(policy, snapshot);
  const instants = new Instants(policy, new Date(snapshot.compiledFor));
  const asked = policy.tests.filter((test) => unlocatedIn(policy, test).length === 0);
  const failures = asked.flatMap((test) => runTest(test, snapshot, universe, instants) ?? []);
  for (const declared of policy.invariants) {
    const unlocated = unlocatedIn(policy, declared);
    const invariant = withoutNames(declared, unlocated);
    const { name, span, when } = invariant;
    const meant = instants.of(when);
    const found =
      invariant.about === 'flows'
        ? flowFindings(universe, policy, invariant, meant)
        : accessFindings(universe.placement, policy, invariant, meant);
    for (const { text, counterexample, rules, at } of found) {
      const summary = `${text}${timeText(when, at)}`;
      failures.push({ name, span, summary, counterexample, rules, at: at.toISOString() });
    }
  }
  return failures;
}

/**
 * Services without an address that a claim wants to be reachable. That can't be asked before their cluster has told where they are; that nobody
 * reaches them holds by itself.
 */
export function unlocatedIn(policy: Policy, claim: PolicyTest | Invariant): string[] {
  const isFlow = 'about' in claim ? claim.about === 'flows' : claim.kind === 'flow';
  const wantsAccess = claim.kind === 'always' || ('expect' in claim && claim.expect === 'allow');
  if (!isFlow || !wantsAccess || policy.workloads.length === 0) return [];
  const { from, to } = claim as { from: string | readonly string[]; to: string | readonly string[] };
  return [from, to].flat().filter((name) => isUnlocated(policy, name));
}

function withoutNames(invariant: Invariant, names: readonly string[]): Invariant {
  if (invariant.about !== 'flows' || names.length === 0) return invariant;
  const [from, to] = [invariant.from, invariant.to].map((all) => all.filter((name) => !names.includes(name)));
  return { ...invariant, from: from!, to: to! };
}

/** The instants that tests and invariants ask about; each is worked out once. */
class Instants {
  private readonly known = new Map<string, Moments>();

  constructor(
    private readonly policy: Policy,
    private readonly check: Date,
  ) {}

  of(when: InvariantTime): Moments {
    switch (when.kind) {
      case 'check':
        return this.at([this.check]);
      case 'instants':
        return this.at(when.instants);
      case 'throughout':
        return this.remember(`${when.days} days`, () => periodsAhead(this.policy, this.check, when.days));
      default:
        return assertNever(when);
    }
  }

  one(at: Date | null): Period {
    return this.at([at ?? this.check]).periods[0]!;
  }

  private at(instants: readonly Date[]): Moments {
    const times = [...new Set(instants.map((at) => at.getTime()))].sort((a, b) => a - b);
    return this.remember(times.join(), () => times.map((time) => periodAt(this.policy, new Date(time))));
  }

  private remember(key: string, make: () => readonly Period[]): Moments {
    const known = this.known.get(key) ?? momentsOf(make());
    this.known.set(key, known);
    return known;
  }
}

function timeText(when: InvariantTime, at: Date): string {
  if (when.kind === 'check') return '';
  return when.kind === 'instants' ? `, at ${formatInstant(at)}` : `, first at ${formatInstant(at)}`;
}

function runTest(
  test: PolicyTest,
  snapshot: Snapshot,
  universe: Universe,
  instants: Instants,
): PolicyTestFailure | null {
  const { name, span } = test;
  const period = instants.one(test.at);
  const about = { name, span, at: period.at.toISOString() };
  if (test.kind === 'access') {
    const { class: device, site, posture, expect } = test;
    const grant = test.at ? grantAt(universe, test, period) : accessFor(snapshot, device, site, posture);
    const segment = grant?.segment ?? null;
    if (segment === expect) return null;
    const got = grant ? `\`${grant.segment}\` by ${grant.rule.file}:${grant.rule.line}` : 'reject, no rule matches';
    const summary = `${device} at ${site}, ${posture}: expected ${expect ? `\`${expect}\`` : 'reject'}, got ${got}`;
    const counterexample = { kind: 'device', class: device, site, posture, segment } as const;
    return { ...about, summary, counterexample, rules: grant ? [grant.rule] : [] };
  }
  const scope = { below: false, roles: false, where: null };
  const judged = universe.at(period, 'open');
  for (const from of universe.ends(test.from, scope, period)) {
    for (const to of universe.ends(test.to, scope, period)) {
      const parts = partsOf(universe, judged, { from: from.label, to: to.label, app: test.app });
      const part = parts.find(({ verdict }) => verdict !== test.expect);
      if (!part) continue;
      const summary = describe(universe, { from, to, app: test.app, part }, test.expect, false);
      return { ...about, summary, counterexample: packetOf(universe, part), rules: part.rules };
    }
  }
  return null;
}

/** No device is at `everywhere` itself. */
function grantAt(
  { placement }: Universe,
  { class: device, site, posture }: PolicyTest & { kind: 'access' },
  period: Period,
): AccessGrant | null {
  if (!placement.sites.includes(site)) return null;
  return placement.answers({ class: device, site, posture }, period)[0]?.grant ?? null;
}
