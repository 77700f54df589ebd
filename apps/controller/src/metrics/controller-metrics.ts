import { Gauge, Counter, Histogram, Registry } from 'prom-client';
import { suspicionKinds, type DevicePosture } from '#model';
import type { OverviewRow } from '../closed-loop/overview.js';
import { enforcementStates } from '../closed-loop/verdict.js';
import type { PointCounters } from '../enforcement/describe-counters.js';
import type { PointState } from '../enforcement/enforcement-point.js';
import type { PolicyStatus } from '../policy/describe-policy.js';
import type { BridgeRow } from '../store/rows.js';
import type { HookCount } from '../forges/hooks.js';
import type { SenderState } from '../outbox/outbox-sender.js';
import type { SuspicionCount } from '../suspicions/suspicion-store.js';

/** What stands now: read when somebody asks. */
export interface ControllerState {
  readonly version: string;
  readonly policy: PolicyStatus;
  readonly devices: readonly { readonly class: string; readonly posture: DevicePosture; readonly count: number }[];
  readonly openSessions: number;
  readonly enforcement: readonly OverviewRow[];
  /** Null: nothing is being rolled out. */
  readonly rollout: { readonly status: string; readonly stage: number } | null;
  readonly breakGlass: number;
  readonly inUse: number;
  readonly feeds: number;
  readonly bridges: readonly BridgeRow[];
  readonly points: readonly PointState[];
  readonly counters: readonly PointCounters[];
  /** Authentications that were ever stored, also those that are deleted since. */
  readonly authentications: number;
  readonly streams: number;
  readonly suspicions: readonly SuspicionCount[];
  /** Null: nobody is told. */
  readonly webhooks: SenderState | null;
  readonly hooks: readonly HookCount[];
  /** Null: no forge is told. */
  readonly statuses: SenderState | null;
  /** Null: no forge is asked. */
  readonly approvals: SenderState | null;
}

type Sample = readonly [value: number, labels: Readonly<Record<string, string>>];

interface StateMetric {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly isCounter?: true;
  readonly read: (state: ControllerState) => number | readonly Sample[];
}

const seconds = (instant: string | null | undefined): number => (instant ? Date.parse(instant) / 1000 : 0);

/** A kind that was never seen is 0, so that an alert sees the first one come. */
const ofEachKind = (counts: readonly SuspicionCount[], what: 'raised' | 'open'): Sample[] =>
  suspicionKinds.map((kind) => [counts.find((count) => count.kind === kind)?.[what] ?? 0, { kind }]);

/** A policy may have thousands of lines, and a site many points. */
const mostLines = 500;

const packetsByLine = ({ point, lines }: PointCounters): Sample[] =>
  lines
    .filter(({ packets }) => packets > 0)
    .sort((a, b) => b.packets - a.packets)
    .slice(0, mostLines)
    .map(({ id, file, line, packets }) => [packets, { point, line: id, at: file === null ? '' : `${file}:${line}` }]);

type Sent = 'sent' | 'failed' | 'dropped' | 'waiting';

const senderMetrics = (
  name: string,
  stateOf: (state: ControllerState) => SenderState | null,
  help: Readonly<Record<Sent, string>>,
): StateMetric[] =>
  (['sent', 'failed', 'dropped', 'waiting'] as const).map((what) => ({
    name: `cordon_controller_${name}_${what}${what === 'waiting' ? '' : '_total'}`,
    help: help[what],
    ...(what !== 'waiting' && { isCounter: true as const }),
    read: (state) => stateOf(state)?.[what] ?? 0,
  }));

const stateMetrics: readonly StateMetric[] = [
  {
    name: 'cordon_controller_build_info',
    help: 'Always 1; the release, and the Node that runs it',
    labels: ['version', 'node'],
    read: ({ version }) => [[1, { version, node: process.version }]],
  },
  {
    name: 'cordon_controller_policy_info',
    help: 'Always 1; the snapshot in force, and the commit it was compiled from',
    labels: ['digest', 'commit'],
    read: ({ policy: { active } }) => (active ? [[1, { digest: active.digest, commit: active.commit }]] : []),
  },
  {
    name: 'cordon_controller_policy_activated_timestamp_seconds',
    help: 'When the commit in force was put into force; 0 without one',
    read: ({ policy }) => seconds(policy.active?.activatedAt),
  },
  {
    name: 'cordon_controller_policy_refused',
    help: '1 while the newest commit is refused, and the one before stays in force',
    read: ({ policy }) => Number(policy.refused !== null),
  },
  {
    name: 'cordon_controller_policy_rolled_back',
    help: '1 while a person went back to a policy of before, and the branch does not say so',
    read: ({ policy }) => Number(policy.rolledBack !== null),
  },
  {
    name: 'cordon_controller_policy_source_reached',
    help: '1 when the repository answered last time',
    read: ({ policy }) => Number(policy.source.state === 'reached'),
  },
  {
    name: 'cordon_controller_devices',
    help: 'Devices in the registry',
    labels: ['class', 'posture'],
    read: ({ devices }) => devices.map(({ class: name, posture, count }) => [count, { class: name, posture }]),
  },
  {
    name: 'cordon_controller_sessions_open',
    help: 'Open sessions as the bridges reported them',
    read: ({ openSessions }) => openSessions,
  },
  {
    name: 'cordon_controller_sessions_enforcement',
    help: 'Open sessions by what the network does with them: enforced, pending, unknown, refused or diverged',
    labels: ['site', 'state'],
    read: ({ enforcement }) =>
      enforcement.flatMap((row) => enforcementStates.map((state): Sample => [row[state], { site: row.key, state }])),
  },
  {
    name: 'cordon_controller_rollout_stage',
    help: 'Number of the stage that a rollout is in, from 1; 0 while there is none',
    read: ({ rollout }) => (rollout ? rollout.stage + 1 : 0),
  },
  {
    name: 'cordon_controller_rollout_halted',
    help: '1 while a gate has stopped the rollout, and a person has to look',
    read: ({ rollout }) => Number(rollout?.status === 'halted'),
  },
  {
    name: 'cordon_controller_break_glass_open',
    help: 'Devices and classes that are opened past their policy now',
    read: ({ breakGlass }) => breakGlass,
  },
  {
    name: 'cordon_controller_devices_in_use',
    help: 'Devices that are marked as in clinical use',
    read: ({ inUse }) => inUse,
  },
  {
    name: 'cordon_controller_authentications_total',
    help: 'Authentications that bridges reported; several equal ones in a row are one',
    isCounter: true,
    read: ({ authentications }) => authentications,
  },
  {
    name: 'cordon_controller_feeds_connected',
    help: 'Bridges that listen now',
    read: ({ feeds }) => feeds,
  },
  {
    name: 'cordon_controller_bridge_last_seen_timestamp_seconds',
    help: 'When a bridge sent its last events; an idle one sends none',
    labels: ['bridge'],
    read: ({ bridges }) => bridges.map(({ id, lastSeen }) => [seconds(lastSeen), { bridge: id }]),
  },
  {
    name: 'cordon_controller_enforcement_point_in_sync',
    help: '1 when an enforcement point was proved to hold what policy wants',
    labels: ['point', 'driver'],
    read: ({ points }) =>
      points.map(({ name, driver, state }) => [Number(state === 'in-sync'), { point: name, driver }]),
  },
  {
    name: 'cordon_controller_enforcement_second_writer_timestamp_seconds',
    help: 'When somebody else brought an enforcement point to what policy wants; 0: nobody did since the start',
    labels: ['point'],
    read: ({ points }) => points.map(({ name, lastSecondWriter }) => [seconds(lastSecondWriter?.at), { point: name }]),
  },
  {
    name: 'cordon_controller_enforcement_packets_total',
    help: 'Packets that met a line of policy at an enforcement point; of each point the 500 lines that met most',
    labels: ['point', 'line', 'at'],
    isCounter: true,
    read: ({ counters }) => counters.flatMap(packetsByLine),
  },
  {
    name: 'cordon_controller_enforcement_denied_packets_total',
    help: 'Packets that an enforcement point dropped because no line of policy allowed them',
    labels: ['point'],
    isCounter: true,
    read: ({ counters }) =>
      counters.flatMap(({ point, denied }): Sample[] => (denied ? [[denied.packets, { point }]] : [])),
  },
  {
    name: 'cordon_controller_streams_open',
    help: 'Clients that follow authentications live',
    read: ({ streams }) => streams,
  },
  {
    name: 'cordon_controller_suspicions_open',
    help: 'Devices that may not be what they say, and nobody has looked yet',
    labels: ['kind'],
    read: ({ suspicions }) => ofEachKind(suspicions, 'open'),
  },
  {
    name: 'cordon_controller_suspicions_total',
    help: 'Suspicions that were ever raised',
    labels: ['kind'],
    isCounter: true,
    read: ({ suspicions }) => ofEachKind(suspicions, 'raised'),
  },
  ...senderMetrics('webhooks', ({ webhooks }) => webhooks, {
    sent: 'Webhooks that the receiver has taken',
    failed: 'Attempts to send a webhook that failed; each is tried again',
    dropped: 'Webhooks that were given up because 100,000 newer ones wait',
    waiting: 'Webhooks that the receiver has not taken yet',
  }),
  ...senderMetrics('commit_statuses', ({ statuses }) => statuses, {
    sent: 'Commit statuses that the forge has taken',
    failed: 'Attempts to tell the forge a commit status that failed',
    dropped: 'Commit statuses that were given up: the forge refuses them, or a day has passed',
    waiting: 'Commit statuses that the forge has not taken yet',
  }),
  ...senderMetrics('approvals', ({ approvals }) => approvals, {
    sent: 'Commits whose approvals the forge has told',
    failed: 'Attempts to ask the forge for approvals that failed',
    dropped: 'Commits whose approvals were given up: the forge does not tell them, or a day has passed',
    waiting: 'Commits whose approvals the forge has not told yet',
  }),
  {
    name: 'cordon_controller_hooks_total',
    help: 'Deliveries of forges: accepted (looked at the repository), known (came before), ignored, refused, limited',
    labels: ['forge', 'outcome'],
    isCounter: true,
    read: ({ hooks }) => hooks.map(([forge, outcome, count]) => [count, { forge, outcome }]),
  },
  {
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process',
    isCounter: true,
    read: () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process',
    read: () => process.memoryUsage.rss(),
  },
  {
    name: 'process_start_time_seconds',
    help: 'When the process started',
    read: () => performance.timeOrigin / 1000,
  },
];

const lagEvery = 100;

/** The page at /metrics. */
export class ControllerMetrics {
  private readonly registry = new Registry();
  private readonly metrics = new Map<string, Counter | Gauge>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly state: () => Promise<ControllerState>) {
    const registers = [this.registry];
    for (const { name, help, labels, isCounter } of stateMetrics) {
      const options = { name, help, labelNames: [...(labels ?? [])], registers };
      this.metrics.set(name, isCounter ? new Counter(options) : new Gauge(options));
    }
    const lag = new Histogram({
      name: 'cordon_controller_event_loop_lag_seconds',
      help: 'How late the main thread came back to a timer of 100 ms: meanwhile nothing is answered',
      buckets: [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    });
    let due = performance.now() + lagEvery;
    this.timer = setInterval(() => {
      const now = performance.now();
      lag.observe(Math.max(0, now - due) / 1000);
      due = now + lagEvery;
    }, lagEvery).unref();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  async print(): Promise<string> {
    const state = await this.state();
    // INVARIANT: nothing waits between here and the printing, or two scrapes at once would add to the same metrics.
    for (const { name, read } of stateMetrics) {
      const metric = this.metrics.get(name)!;
      metric.reset();
      const found = read(state);
      for (const [value, labels] of typeof found === 'number' ? [[found, {}] as const] : found) {
        metric.inc(labels, value);
      }
    }
    return this.registry.metrics();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }
}
