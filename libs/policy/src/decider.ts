import { remembered, type Brand } from '#base';
import {
  AddressPartition,
  IntervalTables,
  joinedCells,
  serviceAlgebra,
  serviceKey,
  sweep,
  type AtomSet,
  type Interval,
} from '#net';
import { indexOf, type FlowPacket, type FlowVerdict, type PacketSide, type SnapshotIndex } from './decide.js';
import { Outcomes } from './outcomes.js';
import type { FlowRule, Snapshot } from './snapshot.js';

const deciders = new WeakMap<Snapshot, FlowDecider>();

/** Whether the first packet of a connection passes. Replies follow their connection. */
export function decideFlow(snapshot: Snapshot, packet: FlowPacket): FlowVerdict {
  return remembered(deciders, snapshot, () => new FlowDecider(snapshot)).decide(packet);
}

/** A side as one decider knows it: the same number for all devices of a class whose addresses policy can't tell apart. */
export type ResolvedSide = Brand<number, 'ResolvedSide'>;

/**
 * Decides packets at the speed of a data path: what rules say of a subject is worked out once, as tables by object and
 * service, and then only looked up. Same answers as asking every rule, with the same lines.
 *
 *   source ──▶ its class's table ─┐        ┌──▶ by class of the destination ─┐
 *          └─▶ its address's  ────┴ each ──┴──▶ by address (atom) ───────────┴──▶ by service ──▶ outcome
 *
 * Up to four outcomes are joined: a deny overrides. Atoms and classes are numbered in one line, as *places*: a principal is
 * a set of places, whether it is an endpoint or a class. The atom that no endpoint holds stands for whatever is not known.
 */
export class FlowDecider {
  private readonly index: SnapshotIndex;
  private readonly partition: AddressPartition;
  /** The place of a class. */
  private readonly classes: ReadonlyMap<string, number>;
  private readonly places: ReadonlyMap<string, AtomSet>;
  /** By place: those who hold it and are subjects of rules. */
  private readonly subjects: readonly (readonly string[])[];
  private readonly tables = new IntervalTables();
  private readonly outcomes = new Outcomes();
  /** By place of the source: the table that has, by place of the destination, a table of services; −1: not made yet. */
  private readonly objects: Int32Array;
  /** By the ids of rules: the table that has their outcome by service. */
  private readonly services = new Map<string, number>();

  constructor(snapshot: Snapshot) {
    this.index = indexOf(snapshot);
    this.partition = new AddressPartition(snapshot.endpoints.map(({ addresses }) => addresses));
    const begin = this.partition.rest + 1;
    this.classes = new Map(snapshot.classes.map(({ name }, i) => [name, begin + i]));
    this.places = new Map([
      ...snapshot.endpoints.map(({ name }, i) => [name, this.partition.atomsOf(i)] as const),
      ...placesOfClasses(snapshot, begin),
    ]);
    this.subjects = subjectsOf(snapshot, this.partition, this.index.bySubject);
    this.objects = new Int32Array(this.subjects.length).fill(-1);
  }

  /** Whether the first packet of a connection passes. */
  decide({ source, destination, protocol, port }: FlowPacket): FlowVerdict {
    return this.decideBetween(this.resolve(source), this.resolve(destination), serviceKey(protocol, port));
  }

  /** For sides that are met again and again, as devices are: it holds while the address is of the class. */
  resolve({ class: name, address }: PacketSide): ResolvedSide {
    const { rest } = this.partition;
    const ofClass = name ? (this.classes.get(name) ?? rest) : rest;
    const atom = address ? this.partition.atomOf(address) : rest;
    return (ofClass * (rest + 1) + atom) as ResolvedSide;
  }

  /** `decide` for resolved sides; `service`: see `serviceKey`. */
  decideBetween(source: ResolvedSide, destination: ResolvedSide, service: number): FlowVerdict {
    const atoms = this.partition.rest + 1;
    const toClass = Math.floor(destination / atoms);
    const toAtom = destination % atoms;
    const byClass = this.outcomeOf(Math.floor(source / atoms), toClass, toAtom, service);
    const byAddress = this.outcomeOf(source % atoms, toClass, toAtom, service);
    return this.outcomes.verdict(this.outcomes.join(byClass, byAddress));
  }

  /** By places. */
  private outcomeOf(source: number, toClass: number, toAtom: number, service: number): number {
    const { tables, objects, outcomes } = this;
    let table = objects[source]!;
    if (table < 0) table = objects[source] = this.tableOf(this.subjects[source]!);
    if (table === 0) return 0;
    const byClass = tables.find(table, toClass);
    const byAddress = tables.find(tables.find(table, toAtom), service);
    return byClass === 0 ? byAddress : outcomes.join(tables.find(byClass, service), byAddress);
  }

  private tableOf(subjects: readonly string[]): number {
    const boxes = subjects.flatMap((subject) =>
      this.index.bySubject.get(subject)!.map((rule) => ({ rule, atoms: this.places.get(rule.object) ?? [] })),
    );
    const lists = boxes.map(({ atoms }) => atoms);
    const cells = joinedCells(lists, 1).flatMap(({ members, parts }) => {
      const value = this.servicesOf(members.map((i) => boxes[i]!.rule));
      return parts.map(({ first, last }) => ({ first, last, value }));
    });
    return cells.length === 0 ? 0 : this.tables.add(cells);
  }

  private servicesOf(rules: readonly FlowRule[]): number {
    const key = rules.map(({ id }) => id).join();
    const known = this.services.get(key);
    if (known !== undefined) return known;
    const cells = sweep(
      rules.map(({ application }) => this.index.services.get(application) ?? []),
      1,
    );
    const table = this.tables.add(
      Array.from(cells, ({ first, last, members }) => {
        return { first, last, value: this.outcomes.of(members.map((i) => rules[i]!)) };
      }),
    );
    this.services.set(key, table);
    return table;
  }
}

/** Of each class: where it and the classes below it stand, from `begin` on. */
function placesOfClasses({ classes }: Snapshot, begin: number): Map<string, AtomSet> {
  const found = new Map<string, Interval<number>[]>();
  for (const [i, { name, ancestors }] of classes.entries()) {
    for (const one of [name, ...ancestors]) {
      const places = found.get(one) ?? [];
      places.push({ first: begin + i, last: begin + i });
      found.set(one, places);
    }
  }
  return new Map(Array.from(found, ([name, places]) => [name, serviceAlgebra.normalize(places)]));
}

/** By place: the endpoints that hold the atom; the class and those above it, nearest first. Only those that rules name. */
function subjectsOf(
  { endpoints, classes }: Snapshot,
  partition: AddressPartition,
  named: ReadonlyMap<string, unknown>,
): string[][] {
  const atoms: string[][] = Array.from({ length: partition.rest + 1 }, () => []);
  for (const [i, { name }] of endpoints.entries()) {
    if (!named.has(name)) continue;
    for (const { first, last } of partition.atomsOf(i))
      for (let atom = first; atom <= last; atom++) atoms[atom]!.push(name);
  }
  return [...atoms, ...classes.map(({ name, ancestors }) => [name, ...ancestors].filter((one) => named.has(one)))];
}
