import { compareText, success, type Diagnostic, type Result } from '#base';
import { hasAddress, serviceAlgebra } from '#net';
import type { FlowVerdict, Snapshot } from '#policy';
import type { GroupedChange } from '../flows/group-changes.js';
import { compareLines, lineOf, ResponsibleLines } from '../flows/responsible-lines.js';
import type { FlowUse, LineChange, ObservationWindow, ObservedPlan, SeenFlow } from '../plan.js';
import type { TextChunks } from '../text/lines.js';
import { Ends, type EndContext, type Side } from './ends.js';
import type { FlowSink } from './flow-record.js';
import { judgeConnection } from './judge.js';
import { readFlows } from './read-flows.js';
import { ServiceCells } from './service-cells.js';
import { TupleIndex } from './tuple-index.js';

export interface ObservedFlows {
  readonly plan: ObservedPlan;
  readonly useOf: (change: GroupedChange) => FlowUse;
  readonly findings: readonly Diagnostic[];
}

/**
 * Observed connections under both policies. They are counted per distinct pair of sides and service, and each of those is
 * judged once: a file of millions costs as much judging as the policy has distinctions.
 */
export function observeFlows(chunks: TextChunks, file: string, context: EndContext): Result<ObservedFlows> {
  const ends = new Ends(context);
  const tally = new FlowTally(context, ends);
  const read = readFlows(chunks, file, ends, tally);
  if (!read.ok) return read;
  const { format, malformed } = read.value;
  return success({
    plan: tally.plan(format, malformed),
    useOf: (change) => tally.useOf(change),
    findings: read.diagnostics,
  });
}

type Outcome = 'kept' | 'broken' | 'denied' | 'opened';

interface Judged {
  readonly source: Side;
  readonly destination: Side;
  readonly cell: number;
  readonly outcome: Outcome;
  readonly before: FlowVerdict;
  readonly after: FlowVerdict;
}

/** Connections that something is said of. */
interface Tallied extends Judged {
  connections: number;
  /** Of what breaks: which devices. */
  readonly devices: Set<number> | null;
  /** One of the rows of the plan. */
  readonly row: Row;
}

/** What reads alike is told once: the places and postures that a class is seen in don't matter to the reader. */
interface Row {
  readonly index: number;
  readonly outcome: Outcome;
  readonly said: Pick<SeenFlow, 'source' | 'destination' | 'service' | 'reason' | 'lines'>;
  connections: number;
  devices: number;
  packets: number;
  last: number;
}

class FlowTally implements FlowSink {
  private records = 0;
  private first = Infinity;
  private last = -Infinity;
  private readonly counts = { replies: 0, undecided: 0, unattributed: 0, foreign: 0, connections: 0 };
  /** Source side × destination side × service cell: the number of an entry of `tallied`. */
  private readonly triples = new TupleIndex();
  /** Null: kept by both policies, and nothing is said of it. */
  private readonly tallied: (Tallied | null)[] = [];
  private readonly rows = new Map<string, Row>();
  /** Row × device. */
  private readonly rowDevices = new TupleIndex();
  private broken: readonly Tallied[] | null = null;
  private readonly services: ServiceCells;
  private readonly responsible: ResponsibleLines;
  /** By the class whose rules hold where the device is: a pump in quarantine says nothing about pumps. */
  private readonly seen = { outbound: new Set<string>(), inbound: new Set<string>() };

  constructor(
    private readonly context: EndContext,
    private readonly ends: Ends,
  ) {
    this.services = new ServiceCells(context.before, context.after);
    this.responsible = new ResponsibleLines(context.before, context.after);
  }

  window(first: number, last: number): void {
    this.records++;
    if (first < this.first) this.first = first;
    if (last > this.last) this.last = last;
  }

  count(what: 'replies' | 'undecided'): void {
    this.counts[what]++;
  }

  connection(
    sourceEnd: number,
    destinationEnd: number,
    service: number,
    packets: number,
    last: number,
    _first: number,
    _isAnswered: boolean | null,
    connections: number,
  ): void {
    const { sideOf, deviceOf } = this.ends;
    const [source, destination] = [sideOf[sourceEnd]!, sideOf[destinationEnd]!];
    const [sourceDevice, destinationDevice] = [deviceOf[sourceEnd]!, deviceOf[destinationEnd]!];
    if (source < 0 || destination < 0) {
      this.counts.unattributed += connections;
      return;
    }
    if (sourceDevice < 0 && destinationDevice < 0) {
      this.counts.foreign += connections;
      return;
    }
    this.counts.connections += connections;
    const tallied = this.tally(source, destination, this.services.of(service));
    if (!tallied) return;
    const { row } = tallied;
    tallied.connections += connections;
    row.connections += connections;
    row.packets += packets;
    if (last > row.last) row.last = last;
    if (sourceDevice >= 0) this.addDevice(tallied, row, sourceDevice);
    if (destinationDevice >= 0) this.addDevice(tallied, row, destinationDevice);
  }

  private addDevice({ devices }: Tallied, row: Row, device: number): void {
    const known = this.rowDevices.size;
    if (this.rowDevices.of(row.index, device) === known) row.devices++;
    devices?.add(device);
  }

  private tally(source: number, destination: number, cell: number): Tallied | null {
    const index = this.triples.of(source, destination, cell);
    const known = this.tallied[index];
    if (known !== undefined) return known;
    const made = this.judge(this.ends.sides[source]!, this.ends.sides[destination]!, cell);
    this.tallied.push(made);
    return made;
  }

  private judge(source: Side, destination: Side, cell: number): Tallied | null {
    const service = this.services.keyIn(cell);
    const before = judgeConnection(this.context.before, source.before, destination.before, service);
    const after = judgeConnection(this.context.after, source.after, destination.after, service);
    const outcome = outcomeOf(before, after);
    if (source.before.role !== null) this.seen.outbound.add(source.before.role);
    if (destination.before.role !== null) this.seen.inbound.add(destination.before.role);
    if (outcome === 'kept') return null;
    const devices = outcome === 'broken' ? new Set<number>() : null;
    const judged = { source, destination, cell, outcome, before, after };
    return { ...judged, connections: 0, devices, row: this.rowOf(judged) };
  }

  private rowOf(judged: Judged): Row {
    const said = {
      source: judged.source.name,
      destination: judged.destination.name,
      service: this.services.nameOf(judged.cell),
      reason: reasonOf(judged),
      lines: this.linesFor(judged),
    };
    const key = JSON.stringify([judged.outcome, said]);
    const known = this.rows.get(key);
    if (known) return known;
    const { outcome } = judged;
    const row: Row = { index: this.rows.size, outcome, said, connections: 0, devices: 0, packets: 0, last: 0 };
    this.rows.set(key, row);
    return row;
  }

  plan(format: ObservationWindow['format'], malformed: number): ObservedPlan {
    const broken = this.tallied.flatMap((tallied) => [...(tallied?.devices ?? [])]);
    const instant = (value: number): string | null => (Number.isFinite(value) ? new Date(value).toISOString() : null);
    return {
      window: {
        format,
        first: instant(this.first),
        last: instant(this.last),
        records: this.records,
        ...this.counts,
        malformed,
        neverSeen: this.neverSeen(),
      },
      broken: this.rowsOf('broken'),
      brokenDevices: new Set(broken).size,
      deniedAlready: this.rowsOf('denied'),
      opened: this.rowsOf('opened'),
    };
  }

  private rowsOf(outcome: Outcome): SeenFlow[] {
    const found = [...this.rows.values()].filter((row) => row.outcome === outcome);
    const rows = found.map(({ said, connections, devices, packets, last }): SeenFlow => {
      const { source, destination, service, reason, lines } = said;
      const lastSeen = new Date(last).toISOString();
      return { source, destination, service, connections, devices, packets, lastSeen, reason, lines };
    });
    return rows.sort(
      (a, b) =>
        b.devices - a.devices ||
        b.connections - a.connections ||
        compareText(a.source, b.source) ||
        compareText(a.destination, b.destination) ||
        compareText(a.service, b.service) ||
        compareText(JSON.stringify(a), JSON.stringify(b)),
    );
  }

  private linesFor({ source, destination, outcome, before, after }: Judged): readonly LineChange[] {
    if (outcome === 'denied') return after.rules.map((rule) => lineOf('=', rule, null));
    const moved = [...movedLines(source), ...movedLines(destination)].sort(compareLines);
    if (moved.length > 0) return moved;
    const ids = ({ rules }: FlowVerdict): string[] => rules.map(({ id }) => id);
    return outcome === 'broken'
      ? this.responsible.of('closed', ids(before), ids(after))
      : this.responsible.of('opened', ids(after), ids(before));
  }

  /** Classes that devices count as (without an inventory: that access rules give), and directions that `from` opens for them. */
  private neverSeen(): ObservationWindow['neverSeen'] {
    const { before, grouped, access } = this.context;
    const grants = grouped ? access.flatMap((group) => group.before ?? []) : before.accessTable;
    const roles = [...new Set(grants.map(({ role }) => role))].sort(compareText);
    return roles.flatMap((role) =>
      (['outbound', 'inbound'] as const)
        .filter((direction) => !this.seen[direction].has(role) && isOpen(before, role, direction))
        .map((direction) => ({ class: role, direction })),
    );
  }

  useOf(change: GroupedChange): FlowUse {
    const near = (one: Tallied): Side => (change.direction === 'outbound' ? one.source : one.destination);
    const far = (one: Tallied): Side => (change.direction === 'outbound' ? one.destination : one.source);
    this.broken ??= this.tallied.flatMap((tallied) => (tallied?.outcome === 'broken' ? [tallied] : []));
    const found = this.broken.filter(
      (one) =>
        change.classes.has(near(one).before.role ?? '') &&
        isFar(change, far(one)) &&
        serviceAlgebra.contains(change.services, this.services.keyIn(one.cell)),
    );
    return {
      connections: found.reduce((sum, { connections }) => sum + connections, 0),
      devices: new Set(found.flatMap(({ devices }) => [...(devices ?? [])])).size,
      watched: !change.classes.isDisjointFrom(this.seen[change.direction]),
    };
  }
}

function isFar({ far }: GroupedChange, { before }: Side): boolean {
  if (far.kind === 'classes')
    return before.role !== null && far.classes.has(before.role) && (!far.at || hasAddress(far.at, before.address));
  return hasAddress(far.addresses, before.address) && !(before.role !== null && far.except.includes(before.role));
}

function outcomeOf(before: FlowVerdict, after: FlowVerdict): Outcome {
  if (before.verdict === after.verdict) return before.verdict === 'allow' ? 'kept' : 'denied';
  return before.verdict === 'allow' ? 'broken' : 'opened';
}

/** A device that counts as another class now, or has no access any more: that is why, whatever the flow rules say. */
function movedLines({ grants }: Side): LineChange[] {
  if (!grants || grants.before?.role === grants.after?.role) return [];
  const { before, after } = grants;
  if (before && after && before.rule.id === after.rule.id)
    return [lineOf('~', after.rule, `segment \`${after.segment}\` has another role`)];
  return [...(before ? [lineOf('-', before.rule, null)] : []), ...(after ? [lineOf('+', after.rule, null)] : [])];
}

function reasonOf({ outcome, source, destination, before, after }: Judged): string {
  const moved = [source, destination].find(({ grants }) => grants && grants.before?.role !== grants.after?.role);
  if (moved && outcome !== 'denied') {
    const { before: was, after: is } = moved;
    if (is.rejected) return `${moved.name} is rejected`;
    if (was.rejected) return `${moved.name} is admitted`;
    return `${moved.name} counts as ${is.role} instead of ${was.role}`;
  }
  return outcome === 'opened' ? before.reason : after.reason;
}

function isOpen(snapshot: Snapshot, role: string, direction: 'outbound' | 'inbound'): boolean {
  const flows = snapshot.flows[role]?.[direction];
  return flows !== undefined && flows.allowed.length + flows.peersAllowed.length > 0;
}
