import fc from 'fast-check';
import {
  hasAddress,
  parseAddress,
  parseRange,
  protocolOf,
  portOf,
  serviceAlgebra,
  serviceKey,
  type ServiceSet,
} from '#net';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile/compile.js';
import { indexOf } from '../decide.js';
import { judge, type FlowQuery } from '../explain.js';
import { loadPolicy } from '../load/load.js';
import type { FlowRuleSource, Policy } from '../policy.js';
import { addressesOf, servicesOf } from '../resolve.js';
import type { Snapshot } from '../snapshot.js';
import { policyFiles } from '../spec/generated.js';
import { naiveVerdict, type NaivePacket, type NaiveSide } from '../spec/naive.js';
import { readServices } from '../spec/read-services.js';
import { nextChange } from '../when.js';
import { explainFlow, type FlowExplanation } from './explain-flow.js';
import type { ExamplePacket, NearRule } from './nearest.js';
import type { ExplainedPart } from './parts.js';

/*
 * What an explanation says is true: on generated policies, with the naive evaluator as the judge, one packet at a time.
 */

const noon = new Date('2026-11-23T11:00:00Z');
const night = new Date('2026-11-22T22:00:00Z');

/** The generated policies with a schedule in place of the later date. */
const files = policyFiles.map((generated) => {
  const all = new Map(generated);
  all.set('rules/flows.csv', all.get('rules/flows.csv')!.replaceAll('until 2030-01-01', 'office'));
  all.set('catalog/schedules.yaml', 'office: { days: [mon], from: "07:00", to: "19:00", timezone: Europe/Berlin }');
  return all;
});

interface Case {
  readonly policy: Policy;
  readonly snapshot: Snapshot;
  readonly at: Date;
}

const cases: fc.Arbitrary<Case> = fc
  .tuple(files, fc.constantFrom(noon, night))
  .map(([all, at]) => {
    const policy = loadPolicy(all);
    const snapshot = policy.ok ? compilePolicy(policy.value, at) : policy;
    return policy.ok && snapshot.ok ? { policy: policy.value, snapshot: snapshot.value, at } : null;
  })
  .filter((made) => made !== null);

const sides = [
  'pump',
  'scanner',
  'device',
  'unknown',
  'e0',
  'e1',
  'e3',
  'internet',
  'internal',
  '10.0.0.4',
  'fd00::5',
  '192.0.2.1',
];
const side = fc.constantFrom(...sides);
const queries = fc.record({
  from: side,
  to: side,
  app: fc.constantFrom('a0', 'a2', 'web', 'any', 'tcp/80', 'tcp/443', 'udp/53', 'icmp/8', 'tcp'),
});

function explained(snapshot: Snapshot, query: FlowQuery): FlowExplanation {
  const answer = explainFlow(snapshot, query);
  if (!answer.ok) throw new Error(JSON.stringify(answer.diagnostics));
  return answer.value;
}

const sideOf = (label: string): NaiveSide => {
  const address = parseAddress(label);
  return address ? { address } : { class: label };
};

function packetOf({ from, to, service }: ExamplePacket): NaivePacket {
  const key = readServices(service, new Map())[0]!.first;
  return { source: sideOf(from), destination: sideOf(to), protocol: protocolOf(key), port: portOf(key) };
}

/** Whether one rule matches, said by the evaluator of whole policies. */
function matches(policy: Policy, rule: FlowRuleSource, packet: NaivePacket, at: Date): boolean {
  return naiveVerdict({ ...policy, flowRules: [{ ...rule, effect: 'allow' }] }, packet, at) === 'allow';
}

describe('an explanation', () => {
  it('gives each packet of a question to exactly one part, whose verdict and rules are those of the naive evaluator', () => {
    fc.assert(
      fc.property(cases, queries, ({ policy, snapshot, at }, query) => {
        const { parts, verdict } = explained(snapshot, query);
        const judged = judge(snapshot, query);
        if (!judged.ok || parts.length === 0) return;
        for (const { from, to, services } of judged.value) {
          for (const { first } of services) {
            const packet = {
              ...packetOf({ from, to, service: 'tcp' }),
              protocol: protocolOf(first),
              port: portOf(first),
            };
            const found = parts.filter((part) => covers(snapshot, query, part, from, to, first));
            expect(found).toHaveLength(1);
            expect(found[0]!.verdict).toBe(naiveVerdict(policy, packet, at));
            const ids = policy.flowRules.filter((rule) => matches(policy, rule, packet, at)).map(({ id }) => id);
            expect(found[0]!.rules.map(({ id }) => id).sort()).toEqual(ids.sort());
          }
        }
        expect(verdict === 'allow').toBe(parts.every((part) => part.verdict === 'allow'));
      }),
    );
  });

  it('has an example of each part that is in it, and gets its verdict', () => {
    fc.assert(
      fc.property(cases, queries, ({ policy, snapshot, at }, query) => {
        for (const part of explained(snapshot, query).parts) {
          const { from, to, service } = part.example;
          const key = readServices(service, new Map())[0]!.first;
          expect(covers(snapshot, query, part, from, to, key)).toBe(true);
          expect(naiveVerdict(policy, packetOf(part.example), at)).toBe(part.verdict);
          expect(part.rules.every(({ decides, effect }) => decides === (effect === part.verdict))).toBe(true);
        }
      }),
    );
  });

  it('names only memberships that exist, from what was asked about to the word of the rule', () => {
    fc.assert(
      fc.property(cases, queries, ({ policy, snapshot }, query) => {
        for (const { rules, nearest, example } of explained(snapshot, query).parts) {
          for (const named of [...rules, ...nearest]) {
            const rule = policy.flowRules.find(({ id }) => id === named.id)!;
            const at = 'example' in named ? named.example : example;
            expectChain(policy, named.paths.subject, [query.from, at.from], rule.subject);
            expectChain(policy, named.paths.object, [query.to, at.to], rule.object);
            expectChain(policy, named.paths.application, [query.app, at.service], rule.application);
          }
        }
      }),
    );
  });

  it('says of a near rule exactly the columns that would have to change', () => {
    let told = 0;
    fc.assert(
      fc.property(cases, queries, ({ policy, snapshot, at }, query) => {
        for (const { nearest, verdict, rules } of explained(snapshot, query).parts) {
          if (nearest.length > 0) expect([verdict, rules]).toEqual(['deny', []]);
          for (const near of nearest) {
            told++;
            expectExactMismatches(policy, near, at);
          }
        }
      }),
    );
    expect(told).toBeGreaterThan(50);
  });

  it('overlooks no rule that is nearer', () => {
    const one = fc.record({
      from: fc.constantFrom('pump', 'scanner', '10.0.0.4', 'fd00::5'),
      to: fc.constantFrom('pump', 'unknown', '10.0.0.9', 'fd00::2', '192.0.2.1'),
      app: fc.constantFrom('tcp/80', 'tcp/443', 'udp/53'),
    });
    fc.assert(
      fc.property(cases, one, ({ policy, snapshot, at }, query) => {
        const [part] = explained(snapshot, query).parts;
        if (!part || part.verdict === 'allow' || part.rules.length > 0) return;
        const packet = packetOf({ ...query, service: query.app });
        const counts = policy.flowRules
          .filter(({ effect }) => effect === 'allow')
          .map((rule) => mismatchesOf(policy, rule, packet, at))
          .filter((missed) => missed.length <= 2 && !(missed.includes('subject') && missed.includes('object')))
          .map(({ length }) => length);
        expect(part.nearest.map(({ mismatches }) => mismatches.length)[0]).toBe(counts.sort((a, b) => a - b)[0]);
        expect(part.nearest.length).toBeLessThanOrEqual(5);
      }),
    );
  });

  it('names only denies in force that match what the near rule is about', () => {
    fc.assert(
      fc.property(cases, queries, ({ policy, snapshot, at }, query) => {
        for (const near of explained(snapshot, query).parts.flatMap(({ nearest }) => nearest)) {
          const rule = policy.flowRules.find(({ id }) => id === near.id)!;
          for (const { id } of near.overriddenBy) {
            const deny = policy.flowRules.find((other) => other.id === id)!;
            expect(deny.effect).toBe('deny');
            // The near rule keeps the packet's own words where it matches already: there the deny must match too.
            const packet = packetOf(near.example);
            const open = mismatchesOf(policy, rule, packet, at);
            const missed = mismatchesOf(policy, deny, packet, at);
            expect(missed.every((column) => column !== 'when' && open.includes(column))).toBe(true);
          }
        }
      }),
    );
  });

  it('is the same for the same question', () => {
    fc.assert(
      fc.property(cases, queries, ({ policy, snapshot, at }, query) => {
        const again = compilePolicy(policy, at);
        expect(again.ok && explained(again.value, query)).toEqual(explained(snapshot, query));
      }),
      { numRuns: 20 },
    );
  });
});

/** Reads a part's own words. */
function covers(
  snapshot: Snapshot,
  query: FlowQuery,
  part: ExplainedPart,
  from: string,
  to: string,
  key: number,
): boolean {
  const services = serviceTable(snapshot, query.app, from, to);
  return part.packets.some(
    (box) =>
      isIn(snapshot, box.from, from) &&
      isIn(snapshot, box.to, to) &&
      serviceAlgebra.contains(readServices(box.services, services), key),
  );
}

/** The names of applications, without the ICMP of the other family. */
function serviceTable(snapshot: Snapshot, app: string, from: string, to: string): Map<string, ServiceSet> {
  const family = parseAddress(from)?.family ?? parseAddress(to)?.family;
  const other = family === 4 ? 58 : 1;
  const foreign = family ? [{ first: serviceKey(other, 0), last: serviceKey(other, 0xffff) }] : [];
  const set = indexOf(snapshot).services.get(app) ?? readServices(app, new Map());
  return new Map([[app, serviceAlgebra.subtract(set, foreign)]]);
}

function isIn(snapshot: Snapshot, words: readonly string[], label: string): boolean {
  const address = parseAddress(label);
  return words.some((word) => {
    if (word === label) return true;
    const endpoint = snapshot.endpoints.find(({ name }) => name === word);
    if (endpoint && address) return hasAddress(endpoint.addresses, address);
    const range = parseRange(word);
    return (
      range !== null &&
      address !== null &&
      range.family === address.family &&
      range.first <= address.value &&
      address.value <= range.last
    );
  });
}

function expectChain(
  policy: Policy,
  path: readonly string[] | undefined,
  starts: readonly string[],
  end: string,
): void {
  if (!path) return;
  expect(starts).toContain(path[0]);
  expect(path.at(-1)).toBe(end);
  for (const [i, name] of path.slice(0, -1).entries()) {
    const next = path[i + 1]!;
    const address = parseAddress(name);
    if (address) expect(hasAddress(policy.endpoints.get(next)!.addresses, address)).toBe(true);
    else if (isKnown(policy, name))
      expect([...policy.principalTree.parents(name), ...policy.applicationTree.parents(name)]).toContain(next);
    else
      expect(
        serviceAlgebra.contains(policy.applications.get(next)!.services, readServices(name, new Map())[0]!.first),
      ).toBe(true);
  }
}

const isKnown = ({ classes, endpoints, applications }: Policy, name: string): boolean =>
  classes.has(name) || endpoints.has(name) || applications.has(name);

type Change = (packet: NaivePacket, at: Date) => readonly [NaivePacket, Date];

/** For each column, the packet (or instant) changed so that a rule matches there. */
function changesFor(policy: Policy, rule: FlowRuleSource): Record<string, Change> {
  const member = (name: string): NaiveSide => {
    if (policy.classes.has(name)) return { class: name };
    const { v4, v6 } = addressesOf(policy, name);
    return { address: v4[0] ? { family: 4, value: v4[0].first } : { family: 6, value: v6[0]!.first } };
  };
  const key = servicesOf(policy, rule.application)[0]!.first;
  const { when } = rule;
  return {
    subject: (packet, at) => [{ ...packet, source: member(rule.subject) }, at],
    object: (packet, at) => [{ ...packet, destination: member(rule.object) }, at],
    application: (packet, at) => [{ ...packet, protocol: protocolOf(key), port: portOf(key) }, at],
    when: (packet, at) => [
      packet,
      when.kind === 'always'
        ? at
        : when.kind === 'until'
          ? new Date(when.end.getTime() - 1)
          : inWindow(policy, when, at),
    ],
  };
}

function inWindow(policy: Policy, when: FlowRuleSource['when'], at: Date): Date {
  return at.getTime() === noon.getTime() ? at : nextChange(when, policy.schedules, at)!;
}

function changed(
  changes: Record<string, Change>,
  columns: readonly string[],
  packet: NaivePacket,
  at: Date,
): readonly [NaivePacket, Date] {
  return columns.reduce<readonly [NaivePacket, Date]>(([p, t], column) => changes[column]!(p, t), [packet, at]);
}

/** The columns on which a rule does not match: with all others changed to fit, it still doesn't. */
function mismatchesOf(policy: Policy, rule: FlowRuleSource, packet: NaivePacket, at: Date): string[] {
  const changes = changesFor(policy, rule);
  const all = Object.keys(changes);
  return all.filter((column) => {
    const others = all.filter((other) => other !== column);
    return !matches(policy, rule, ...changed(changes, others, packet, at));
  });
}

/** Changing exactly the named columns makes the rule match, and changing any fewer of them does not. */
function expectExactMismatches(policy: Policy, near: NearRule, at: Date): void {
  const rule = policy.flowRules.find(({ id }) => id === near.id)!;
  const named = near.mismatches.map(({ column }) => column);
  const packet = packetOf(near.example);
  const changes = changesFor(policy, rule);
  expect(named.length).toBeGreaterThan(0);
  expect(matches(policy, rule, ...changed(changes, named, packet, at))).toBe(true);
  for (const kept of named) {
    const fewer = named.filter((column) => column !== kept);
    expect(matches(policy, rule, ...changed(changes, fewer, packet, at))).toBe(false);
  }
}
