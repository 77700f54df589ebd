import { compareText } from '#base';
import { formatService, hasPorts, isIcmp, parseAddress, serviceAlgebra, serviceKey, type Address } from '#net';
import { decideFlow, type Criticality, type FlowVerdict, type RuleLine, type Snapshot } from '#policy';
import { endpointsAt } from '../denied/describe-denied.js';
import type { FlowTotal } from '../flows/flow-store.js';

/** `would-break`: it passes, and would not; `would-allow`: it is denied, and would pass. */
export type CandidateChange = 'would-break' | 'would-allow';

export interface SaidVerdict {
  readonly verdict: 'allow' | 'deny';
  readonly reason: string;
  readonly rules: readonly Pick<RuleLine, 'file' | 'line' | 'text'>[];
}

/** What devices of a class do with one destination and application. */
export interface CandidateFinding {
  readonly change: CandidateChange;
  /** Null: no device of the policy. */
  readonly class: string | null;
  /** Of the more critical end; null: neither is a device. */
  readonly criticality: Criticality | null;
  /** Class, endpoint, or address of no name. */
  readonly destination: string;
  /** Some of them. */
  readonly addresses: readonly string[];
  /** Application, or the service itself where none has it. */
  readonly application: string;
  readonly services: readonly string[];
  /** What each of `seenAt` counted, added up. */
  readonly packets: number;
  readonly connections: number;
  /** That are known by name: there may be more. */
  readonly devices: number;
  readonly sources: readonly { readonly address: string; readonly mac: string | null }[];
  readonly firstAt: string;
  readonly lastAt: string;
  /** Enforcement points and exporters that told it. */
  readonly seenAt: readonly string[];
  readonly inForce: SaidVerdict;
  readonly candidate: SaidVerdict;
}

export interface CandidateReport {
  readonly findings: readonly CandidateFinding[];
  /** Flows that were asked about, and those of them that can't be: too many destinations to be kept. */
  readonly asked: { readonly denied: number; readonly seen: number; readonly unclear: number };
}

export interface ReportInput {
  readonly inForce: Snapshot;
  readonly candidate: Snapshot;
  /** What a device at the address counts as. */
  readonly classAt: (point: string, address: Address) => string | null;
}

const mostNamed = 5;
const order: Readonly<Record<Criticality | 'none', number>> = { 'life-critical': 0, high: 1, standard: 2, none: 3 };

interface Group {
  readonly said: Omit<
    CandidateFinding,
    'addresses' | 'services' | 'packets' | 'connections' | 'devices' | 'sources' | 'firstAt' | 'lastAt' | 'seenAt'
  >;
  readonly addresses: Set<string>;
  readonly services: Set<string>;
  readonly sources: Map<string, CandidateFinding['sources'][number]>;
  readonly seenAt: Set<string>;
  packets: number;
  connections: number;
  firstAt: string;
  lastAt: string;
}

/** Asks both policies of flows that were told, and gathers those that they say different things of. */
export class CandidateReporter {
  private readonly groups = new Map<string, Group>();
  private readonly asked = { denied: 0, seen: 0, unclear: 0 };
  private readonly criticality: ReadonlyMap<string, Criticality>;

  constructor(private readonly input: ReportInput) {
    const both = [...input.candidate.classes, ...input.inForce.classes];
    this.criticality = new Map(both.map(({ name, criticality }) => [name, criticality]));
  }

  /** `told`: how the flow came to be known. */
  take(told: 'denied' | 'seen', total: FlowTotal): void {
    this.asked[told]++;
    const destination = parseAddress(total.destination);
    const source = parseAddress(total.sources[0]?.address ?? '');
    if (!destination || !source) {
      this.asked.unclear++;
      return;
    }
    const own = total.role === '' ? null : total.role;
    const { inForce, candidate, classAt } = this.input;
    const far = classAt(total.point, destination);
    const packet = {
      source: { address: source, class: own },
      destination: { address: destination, class: far },
      protocol: total.protocol,
      port: total.port,
    };
    const [now, later] = [decideFlow(inForce, packet), decideFlow(candidate, packet)];
    // What is denied and passed all the same, or the other way round, is no change of the candidate's.
    const change: Readonly<Record<typeof told, CandidateChange>> = { denied: 'would-allow', seen: 'would-break' };
    const [before, after] = told === 'denied' ? ['deny', 'allow'] : ['allow', 'deny'];
    if (now.verdict === before && later.verdict === after)
      this.gather(change[told], { total, own, far, destination, now, later });
  }

  report(): CandidateReport {
    const findings = [...this.groups.values()].map(
      ({ said, addresses, services, sources, seenAt, packets, connections, firstAt, lastAt }): CandidateFinding => ({
        ...said,
        addresses: [...addresses].slice(0, mostNamed),
        services: [...services].sort(compareText).slice(0, mostNamed),
        packets,
        connections,
        devices: sources.size,
        sources: [...sources.values()].slice(0, mostNamed),
        firstAt,
        lastAt,
        seenAt: [...seenAt].sort(compareText),
      }),
    );
    return { findings: findings.sort(compareFindings), asked: this.asked };
  }

  private gather(
    change: CandidateChange,
    of: {
      readonly total: FlowTotal;
      readonly own: string | null;
      readonly far: string | null;
      readonly destination: Address;
      readonly now: FlowVerdict;
      readonly later: FlowVerdict;
    },
  ): void {
    const { total, own, far, destination, now, later } = of;
    const { inForce, candidate } = this.input;
    const naming = change === 'would-allow' ? candidate : inForce;
    const service = serviceOf(total);
    const name = far ?? endpointsAt(naming, destination)[0] ?? total.destination;
    const application = applicationAt(naming, total) ?? service;
    const key = JSON.stringify([change, own, name, application, ids(now), ids(later)]);
    const known = this.groups.get(key);
    const group =
      known ??
      ({
        said: {
          change,
          class: own,
          criticality: this.worst(own, far),
          destination: name,
          application,
          inForce: saidOf(now),
          candidate: saidOf(later),
        },
        addresses: new Set(),
        services: new Set(),
        sources: new Map(),
        seenAt: new Set(),
        packets: 0,
        connections: 0,
        firstAt: total.firstAt,
        lastAt: total.lastAt,
      } satisfies Group);
    this.groups.set(key, group);
    group.addresses.add(total.destination);
    group.services.add(service);
    for (const { address, mac } of total.sources) group.sources.set(mac ?? address, { address, mac });
    group.seenAt.add(total.point);
    group.packets += total.packets;
    group.connections += total.connections;
    if (total.firstAt < group.firstAt) group.firstAt = total.firstAt;
    if (total.lastAt > group.lastAt) group.lastAt = total.lastAt;
  }

  private worst(...classes: readonly (string | null)[]): Criticality | null {
    const found = classes.flatMap((name) => (name === null ? [] : (this.criticality.get(name) ?? [])));
    return found.sort((a, b) => order[a] - order[b])[0] ?? null;
  }
}

const ids = ({ verdict, rules }: FlowVerdict): string => `${verdict} ${rules.map(({ id }) => id).join(' ')}`;
const saidOf = ({ verdict, reason, rules }: FlowVerdict): SaidVerdict => ({
  verdict,
  reason,
  rules: rules.map(({ file, line, text }) => ({ file, line, text })),
});

function serviceOf({ protocol, port }: FlowTotal): string {
  const isWhole = !hasPorts(protocol) && !isIcmp(protocol);
  return formatService({
    first: serviceKey(protocol, port),
    last: serviceKey(protocol, isWhole ? 0xffff : port),
  }).join();
}

/** The one with the fewest services that has it. */
function applicationAt({ applications }: Snapshot, { protocol, port }: FlowTotal): string | null {
  const key = serviceKey(protocol, port);
  const size = (services: (typeof applications)[number]['services']): number =>
    services.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const holders = applications.filter(({ name, services }) => name !== 'any' && serviceAlgebra.contains(services, key));
  return holders.sort((a, b) => size(a.services) - size(b.services) || compareText(a.name, b.name))[0]?.name ?? null;
}

/** Life-critical first, then what breaks, then most connections. */
function compareFindings(a: CandidateFinding, b: CandidateFinding): number {
  return (
    order[a.criticality ?? 'none'] - order[b.criticality ?? 'none'] ||
    compareText(b.change, a.change) ||
    b.connections - a.connections ||
    compareText(
      JSON.stringify([a.class, a.destination, a.application]),
      JSON.stringify([b.class, b.destination, b.application]),
    )
  );
}
