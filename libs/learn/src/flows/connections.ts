import { TupleIndex, type Ends, type FlowSink, type ServiceCells } from '#plan';
import type { RuleLine } from '#policy';
import type { SeenServices } from './seen-services.js';
import type { Units } from './units.js';

/** What policy says of a connection. `other-hours`: a line that is not in force allows it. */
export interface Fate {
  readonly kind: 'allowed' | 'rejected' | 'denied' | 'other-hours' | 'open';
  readonly lines: readonly RuleLine[];
}

export type Judge = (sourceSide: number, destinationSide: number, service: number) => Fate;

/**
 * Connections as they are read, each with what policy says of it. Those that policy does not allow are kept, as columns: whether they belong to a
 * scan is known only when all were read. It decides nothing about them, `sort-out.ts` does.
 */
export class Connections implements FlowSink {
  readonly source: number[] = [];
  readonly destination: number[] = [];
  readonly service: number[] = [];
  readonly first: number[] = [];
  readonly last: number[] = [];
  readonly isAnswered: (boolean | null)[] = [];
  /** How many of the same there were, from the first to the last. */
  readonly times: number[] = [];
  /** Numbers of `fates`; -1: a side that nobody knows. */
  readonly fate: number[] = [];
  readonly fates: Fate[] = [];
  readonly counts = { records: 0, replies: 0, undecided: 0, foreign: 0, allowed: 0 };
  firstSeen = Infinity;
  lastSeen = -Infinity;
  /** Unit × unit × service that policy allows and that was seen, as `allowed` has them. */
  private readonly allowedIndex = new TupleIndex();
  readonly allowed: (readonly [source: number, destination: number, service: number])[] = [];
  private readonly judged = new TupleIndex();

  constructor(
    private readonly ends: Ends,
    private readonly units: Units,
    private readonly cells: ServiceCells,
    private readonly services: SeenServices,
    private readonly judge: Judge,
  ) {}

  window(first: number, last: number): void {
    this.counts.records++;
    if (first < this.firstSeen) this.firstSeen = first;
    if (last > this.lastSeen) this.lastSeen = last;
  }

  count(what: 'replies' | 'undecided'): void {
    this.counts[what]++;
  }

  connection(
    source: number,
    destination: number,
    service: number,
    _packets: number,
    last: number,
    first: number,
    isAnswered: boolean | null,
    connections: number,
  ): void {
    const { ends } = this;
    const [from, to] = [ends.sideOf[source]!, ends.sideOf[destination]!];
    if (from >= 0 && to >= 0 && ends.deviceOf[source]! < 0 && ends.deviceOf[destination]! < 0) {
      this.counts.foreign += connections;
      return;
    }
    const fate = from < 0 || to < 0 ? -1 : this.fateOf(from, to, service);
    if (fate >= 0 && this.fates[fate]!.kind === 'allowed') {
      this.counts.allowed += connections;
      this.allow(source, destination, service);
      return;
    }
    this.source.push(source);
    this.destination.push(destination);
    this.service.push(service);
    this.first.push(first);
    this.last.push(last);
    this.isAnswered.push(isAnswered);
    this.times.push(connections);
    this.fate.push(fate);
  }

  private fateOf(from: number, to: number, service: number): number {
    const cell = this.cells.of(service);
    const index = this.judged.of(from, to, cell);
    if (index === this.fates.length) this.fates.push(this.judge(from, to, this.cells.keyIn(cell)));
    return index;
  }

  private allow(source: number, destination: number, service: number): void {
    const [from, to] = [this.units.factsOf(source), this.units.factsOf(destination)];
    if (from.doubt !== null) return;
    const unit = this.services.of(service);
    const known = this.allowed.length;
    if (this.allowedIndex.of(from.unit, to.unit, unit) === known) this.allowed.push([from.unit, to.unit, unit]);
  }
}
