import { compareText, success, type Result } from '#base';
import { formatAddress, formatService, hasAddress, portOf, protocolOf, type Address, type AddressSet } from '#net';
import { Ends, readFlows, type FlowSink } from '#plan';
import { decideFlow, type FlowVerdict, type RuleLine, type Snapshot } from '#policy';
import type { TextChunks } from '#plan';
import type { MudImport } from './import-mud.js';
import type { Direction } from './mud-file.js';

/** Connections of devices of the class that no rule of the import allows. */
export interface Departure {
  readonly direction: Direction;
  readonly far: string;
  readonly service: string;
  readonly connections: number;
  readonly devices: number;
  /** ISO 8601. */
  readonly lastSeen: string;
  /** What the policy with the import does with them, and by which lines. */
  readonly verdict: FlowVerdict['verdict'];
  readonly rules: readonly RuleLine[];
}

export interface Departures {
  readonly seen: readonly Departure[];
  /** Connections of such devices, and how many of them rules of the import allow. */
  readonly connections: number;
  readonly explained: number;
  /** Rules of the import by which no connection was allowed. */
  readonly unseen: readonly RuleLine[];
  /** Records that are no connection, or can't be read. */
  readonly replies: number;
  readonly undecided: number;
  readonly malformed: number;
}

/**
 * Where observed traffic differs from what the file says. `devices`: addresses of devices of the class, whoever else has them
 * at another time is not known. `snapshot`: the policy with the import.
 */
export function departuresFrom(
  made: MudImport,
  snapshot: Snapshot,
  devices: AddressSet,
  flows: { readonly file: string; readonly text: TextChunks },
): Result<Departures> {
  const ends = new Ends({ before: snapshot, after: snapshot, inventory: null, grouped: null, access: [] });
  const tally = new DepartureTally(made, snapshot, devices, ends);
  const read = readFlows(flows.text, flows.file, ends, tally);
  return read.ok ? success(tally.result(read.value.malformed), read.diagnostics) : read;
}

interface Row {
  readonly direction: Direction;
  readonly far: string;
  readonly service: string;
  readonly verdict: FlowVerdict;
  readonly isExplained: boolean;
  readonly devices: Set<string>;
  connections: number;
  last: number;
}

class DepartureTally implements FlowSink {
  private readonly rows = new Map<string, Row>();
  private readonly counts = { replies: 0, undecided: 0 };
  private readonly used = new Set<string>();

  constructor(
    private readonly made: MudImport,
    private readonly snapshot: Snapshot,
    private readonly devices: AddressSet,
    private readonly ends: Ends,
  ) {}

  window(): void {}

  count(what: 'replies' | 'undecided'): void {
    this.counts[what]++;
  }

  connection(
    source: number,
    destination: number,
    service: number,
    _packets: number,
    last: number,
    _first: number,
    _isAnswered: boolean | null,
    connections: number,
  ): void {
    const [from, to] = [this.ends.addressOf(source), this.ends.addressOf(destination)];
    if (hasAddress(this.devices, from)) this.add('from-device', from, to, service, last, connections);
    if (hasAddress(this.devices, to)) this.add('to-device', to, from, service, last, connections);
  }

  private add(
    direction: Direction,
    device: Address,
    far: Address,
    service: number,
    last: number,
    connections: number,
  ): void {
    const key = `${direction} ${formatAddress(far)} ${service}`;
    const row = this.rows.get(key) ?? this.judge(direction, device, far, service);
    this.rows.set(key, row);
    row.connections += connections;
    row.devices.add(formatAddress(device));
    row.last = Math.max(row.last, last);
  }

  private judge(direction: Direction, device: Address, far: Address, service: number): Row {
    const own = { class: this.made.class, address: device };
    // Where both are such devices, the one is judged as the device and the other as one of the class.
    const other = { class: hasAddress(this.devices, far) ? this.made.class : null, address: far };
    const [source, destination] = direction === 'from-device' ? [own, other] : [other, own];
    const packet = { source, destination, protocol: protocolOf(service), port: portOf(service) };
    const verdict = decideFlow(this.snapshot, packet);
    const rules = verdict.verdict === 'allow' ? verdict.rules.filter(({ file }) => this.made.files.has(file)) : [];
    for (const { id } of rules) this.used.add(id);
    return {
      direction,
      far: formatAddress(far),
      service: formatService({ first: service, last: service })[0]!,
      verdict,
      isExplained: rules.length > 0,
      devices: new Set(),
      connections: 0,
      last: 0,
    };
  }

  result(malformed: number): Departures {
    const rows = [...this.rows.values()];
    const sum = (some: readonly Row[]): number => some.reduce((all, { connections }) => all + connections, 0);
    const seen = rows
      .filter(({ isExplained }) => !isExplained)
      .sort((a, b) => b.connections - a.connections || compareText(`${a.far} ${a.service}`, `${b.far} ${b.service}`))
      .map(({ direction, far, service, verdict, connections, devices, last }) => ({
        direction,
        far,
        service,
        connections,
        devices: devices.size,
        lastSeen: new Date(last).toISOString(),
        verdict: verdict.verdict,
        rules: verdict.rules,
      }));
    return {
      seen,
      connections: sum(rows),
      explained: sum(rows.filter(({ isExplained }) => isExplained)),
      unseen: this.snapshot.flowRules.filter(({ file, id }) => this.made.files.has(file) && !this.used.has(id)),
      ...this.counts,
      malformed,
    };
  }
}
