import { AddressPartition, serviceKey, sweep, type AtomSet, type ServiceSet } from '#net';
import { atomCells } from './compile/normal-form.js';
import { indexOf, lineOf, noRule, type FlowPacket, type FlowVerdict } from './decide.js';
import type { FlowRule, RuleLine, Snapshot } from './snapshot.js';

const deciders = new WeakMap<Snapshot, FlowDecider>();

/** Whether the first packet of a connection passes. Replies follow their connection. */
export function decideFlow(snapshot: Snapshot, packet: FlowPacket): FlowVerdict {
  let decider = deciders.get(snapshot);
  if (!decider) {
    decider = new FlowDecider(snapshot);
    deciders.set(snapshot, decider);
  }
  return decider.decide(packet);
}

/**
 * Decides packets at the speed of a data path: what rules say of a subject is worked out once, as tables by object and
 * service, and then only looked up. Same answers as asking every rule, with the same lines.
 *
 *   source ──▶ its class's table ─┐        ┌──▶ by class of the destination ─┐
 *          └─▶ its address's  ────┴ each ──┴──▶ by address (atom) ───────────┴──▶ by service ──▶ outcome
 *
 * Up to four outcomes are joined: a deny overrides.
 */
export class FlowDecider {
  private readonly rules: ReadonlyMap<string, readonly FlowRule[]>;
  private readonly services: ReadonlyMap<string, ServiceSet>;
  private readonly endpoints: ReadonlyMap<string, AtomSet>;
  private readonly partition: AddressPartition;
  /** By atom: the endpoints that hold it. */
  private readonly holders: readonly (readonly string[])[];
  private readonly groups: ReadonlyMap<string, readonly string[]>;
  private readonly byClass = new Map<string, SubjectTable | null>();
  private readonly byAtom: (SubjectTable | null | undefined)[] = [];

  constructor(snapshot: Snapshot) {
    const index = indexOf(snapshot);
    this.rules = index.bySubject;
    this.services = index.services;
    this.groups = index.classes;
    this.partition = new AddressPartition(snapshot.endpoints.map(({ addresses }) => addresses));
    this.endpoints = new Map(snapshot.endpoints.map(({ name }, i) => [name, this.partition.atomsOf(i)]));
    this.holders = holdersOf(this.endpoints, this.partition.count);
  }

  /** Whether the first packet of a connection passes. */
  decide({ source, destination, protocol, port }: FlowPacket): FlowVerdict {
    const key = serviceKey(protocol, port);
    const atom = destination.address ? this.partition.atomOf(destination.address) : -1;
    let outcome: Outcome | null = null;
    const byClass = source.class ? this.tableOfClass(source.class) : null;
    if (byClass) outcome = byClass.find(destination.class, atom, key);
    const bySource = source.address ? this.tableOfAtom(this.partition.atomOf(source.address)) : null;
    if (bySource) outcome = join(outcome, bySource.find(destination.class, atom, key));
    return outcome ? outcome.verdict : noRule;
  }

  private tableOfClass(name: string): SubjectTable | null {
    const known = this.byClass.get(name);
    if (known !== undefined) return known;
    const made = this.tableOf(this.groups.get(name) ?? []);
    this.byClass.set(name, made);
    return made;
  }

  private tableOfAtom(atom: number): SubjectTable | null {
    const known = this.byAtom[atom];
    if (known !== undefined) return known;
    const made = this.tableOf(this.holders[atom] ?? []);
    this.byAtom[atom] = made;
    return made;
  }

  private tableOf(subjects: readonly string[]): SubjectTable | null {
    const rules = subjects.flatMap((subject) => this.rules.get(subject) ?? []);
    return rules.length === 0 ? null : new SubjectTable(rules, this.services, this.endpoints, this.groups);
  }
}

/** What the rules of one subject say, by object and service. */
class SubjectTable {
  private readonly byAtom: IntervalTable<ServiceTable>;
  private readonly byObject: ReadonlyMap<string, readonly FlowRule[]>;
  private readonly byClass = new Map<string, ServiceTable | null>();

  constructor(
    rules: readonly FlowRule[],
    private readonly services: ReadonlyMap<string, ServiceSet>,
    endpoints: ReadonlyMap<string, AtomSet>,
    private readonly groups: ReadonlyMap<string, readonly string[]>,
  ) {
    const toAddresses = rules.flatMap((rule) => {
      const atoms = endpoints.get(rule.object);
      return atoms ? [{ rule, atoms }] : [];
    });
    this.byObject = Map.groupBy(
      rules.filter(({ object }) => groups.has(object)),
      ({ object }) => object,
    );
    this.byAtom = new IntervalTable(
      atomCells(toAddresses).flatMap(({ members, atoms }) => {
        const value = new ServiceTable(
          members.map((i) => toAddresses[i]!.rule),
          services,
        );
        return atoms.map(({ first, last }) => ({ first, last, value }));
      }),
    );
  }

  /** `atom`: −1 where the address is not known. */
  find(deviceClass: string | null | undefined, atom: number, service: number): Outcome | null {
    const byClass = deviceClass && this.byObject.size > 0 ? this.tableOfClass(deviceClass)?.find(service) : null;
    const byAtom = atom < 0 ? null : this.byAtom.find(atom)?.find(service);
    return join(byClass ?? null, byAtom ?? null);
  }

  private tableOfClass(name: string): ServiceTable | null {
    const known = this.byClass.get(name);
    if (known !== undefined) return known;
    const rules = (this.groups.get(name) ?? []).flatMap((group) => this.byObject.get(group) ?? []);
    const made = rules.length === 0 ? null : new ServiceTable(rules, this.services);
    this.byClass.set(name, made);
    return made;
  }
}

/** The outcome of some rules for each service. */
class ServiceTable {
  private readonly outcomes: IntervalTable<Outcome>;

  constructor(rules: readonly FlowRule[], services: ReadonlyMap<string, ServiceSet>) {
    const known = new Map<string, Outcome>();
    const cells = sweep(
      rules.map(({ application }) => services.get(application) ?? []),
      1,
    );
    this.outcomes = new IntervalTable(
      [...cells].map(({ first, last, members }) => {
        const key = members.join();
        const value = known.get(key) ?? outcomeOf(members.map((i) => rules[i]!));
        known.set(key, value);
        return { first, last, value };
      }),
    );
  }

  find(service: number): Outcome | null {
    return this.outcomes.find(service);
  }
}

/** Values of disjoint intervals of numbers, found by binary search. */
class IntervalTable<T> {
  private readonly firsts: Float64Array;
  private readonly lasts: Float64Array;
  private readonly values: readonly T[];

  constructor(entries: readonly { readonly first: number; readonly last: number; readonly value: T }[]) {
    const sorted = [...entries].sort((a, b) => a.first - b.first);
    this.firsts = Float64Array.from(sorted, ({ first }) => first);
    this.lasts = Float64Array.from(sorted, ({ last }) => last);
    this.values = sorted.map(({ value }) => value);
  }

  find(at: number): T | null {
    let low = 0;
    let high = this.values.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (at < this.firsts[middle]!) high = middle - 1;
      else if (at > this.lasts[middle]!) low = middle + 1;
      else return this.values[middle]!;
    }
    return null;
  }
}

interface Outcome {
  readonly allows: readonly RuleLine[];
  readonly denies: readonly RuleLine[];
  readonly verdict: FlowVerdict;
}

function outcomeOf(rules: readonly FlowRule[]): Outcome {
  const lines = (effect: 'allow' | 'deny'): RuleLine[] =>
    rules.filter((rule) => rule.effect === effect).map((rule) => lineOf(rule));
  return outcome(lines('allow'), lines('deny'));
}

function outcome(allows: readonly RuleLine[], denies: readonly RuleLine[]): Outcome {
  const verdict: FlowVerdict =
    denies.length > 0
      ? { verdict: 'deny', reason: 'denied by rule', rules: denies }
      : { verdict: 'allow', reason: 'allowed by rule', rules: allows };
  return { allows, denies, verdict: Object.freeze(verdict) };
}

/** Deny overrides. No rule is in both: a rule has one subject and one object. */
function join(a: Outcome | null, b: Outcome | null): Outcome | null {
  if (!a || !b) return a ?? b;
  return outcome([...a.allows, ...b.allows], [...a.denies, ...b.denies]);
}

function holdersOf(endpoints: ReadonlyMap<string, AtomSet>, count: number): string[][] {
  const holders: string[][] = Array.from({ length: count }, () => []);
  for (const [name, atoms] of endpoints)
    for (const { first, last } of atoms) for (let atom = first; atom <= last; atom++) holders[atom]!.push(name);
  return holders;
}
