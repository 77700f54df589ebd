import type { UdpSocket } from './udp-sockets.js';

/** What stands now, as against what has happened, which the counters know. */
export interface BridgeState {
  readonly version: string;
  readonly ready: boolean;
  readonly snapshot: string | null;
  readonly commit: string | null;
  /** Milliseconds; null without one. */
  readonly snapshotTakenAt: number | null;
  readonly isSnapshotRefused: boolean;
  readonly clients: number;
  readonly clientsWithoutSecret: number;
  readonly devices: number;
  readonly openSessions: number;
  readonly spool: number;
  readonly unwritten: number;
  readonly coaBacklog: number;
  readonly isControllerConnected: boolean;
  readonly eap: {
    readonly isServed: boolean;
    readonly conversations: number;
    readonly workersRunning: number;
    readonly restarts: number;
    /** Messages without an answer yet, per worker. */
    readonly backlog: readonly number[];
  };
  readonly responders: { readonly running: number; readonly restarts: number };
  /** Of other processes, on our port. */
  readonly sharedSockets: readonly UdpSocket[];
  readonly ports: Readonly<Record<'authentication' | 'accounting', number>>;
}

export interface Observed extends BridgeState {
  readonly sockets: readonly UdpSocket[];
}

type Sample = readonly [value: number, labels: Readonly<Record<string, string>>];

export interface StateMetric {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** A counter that somebody else keeps. */
  readonly isCounter?: true;
  readonly read: (observed: Observed) => number | readonly Sample[];
}

const onPorts = ({ ports, sockets, sharedSockets }: Observed, read: (socket: UdpSocket) => number): Sample[] =>
  Object.entries(ports).flatMap(([port, number]) =>
    [...sockets, ...sharedSockets]
      .filter((socket) => socket.port === number)
      .map((socket): Sample => [read(socket), { port }]),
  );

export const stateMetrics: readonly StateMetric[] = [
  {
    name: 'cordon_bridge_build_info',
    help: 'Always 1; the release, and the Node that runs it',
    labels: ['version', 'node'],
    read: ({ version }) => [[1, { version, node: process.version }]],
  },
  {
    name: 'cordon_bridge_ready',
    help: '1 when requests can be decided: there is a snapshot',
    read: ({ ready }) => Number(ready),
  },
  {
    name: 'cordon_bridge_snapshot_info',
    help: 'Always 1; the snapshot in force, and the commit it was compiled from',
    labels: ['digest', 'commit'],
    read: ({ snapshot, commit }) => (snapshot === null ? [] : [[1, { digest: snapshot, commit: commit ?? '' }]]),
  },
  {
    name: 'cordon_bridge_snapshot_taken_timestamp_seconds',
    help: 'When the snapshot in force was taken from the controller, or from disk at the start; 0 without one',
    read: ({ snapshotTakenAt }) => (snapshotTakenAt ?? 0) / 1000,
  },
  {
    name: 'cordon_bridge_snapshot_refused',
    help: '1 when the newest snapshot was refused, because its attributes are not proved',
    read: ({ isSnapshotRefused }) => Number(isSnapshotRefused),
  },
  { name: 'cordon_bridge_clients', help: 'RADIUS clients of the snapshot', read: ({ clients }) => clients },
  {
    name: 'cordon_bridge_clients_without_secret',
    help: 'RADIUS clients that get no answer, because their secret is missing',
    read: ({ clientsWithoutSecret }) => clientsWithoutSecret,
  },
  { name: 'cordon_bridge_devices', help: 'Devices in the index', read: ({ devices }) => devices },
  { name: 'cordon_bridge_sessions_open', help: 'Open sessions', read: ({ openSessions }) => openSessions },
  {
    name: 'cordon_bridge_coa_backlog',
    help: 'Sessions that wait for a CoA, are being told, or will be tried again',
    read: ({ coaBacklog }) => coaBacklog,
  },
  {
    name: 'cordon_bridge_spool_events',
    help: 'Events on disk that the controller has not stored',
    read: ({ spool }) => spool,
  },
  {
    name: 'cordon_bridge_journal_backlog',
    help: 'Writes that are not on disk yet',
    read: ({ unwritten }) => unwritten,
  },
  {
    name: 'cordon_bridge_controller_connected',
    help: '1 while the feed of the controller is open',
    read: ({ isControllerConnected }) => Number(isControllerConnected),
  },
  { name: 'cordon_bridge_eap_served', help: '1 when 802.1X is served', read: ({ eap }) => Number(eap.isServed) },
  {
    name: 'cordon_bridge_eap_conversations_open',
    help: '802.1X conversations that wait for the supplicant',
    read: ({ eap }) => eap.conversations,
  },
  {
    name: 'cordon_bridge_eap_workers_running',
    help: 'EAP worker processes that are up',
    read: ({ eap }) => eap.workersRunning,
  },
  {
    name: 'cordon_bridge_eap_worker_backlog',
    help: 'Messages that an EAP worker has not answered yet',
    labels: ['worker'],
    read: ({ eap }) => eap.backlog.map((waiting, worker) => [waiting, { worker: String(worker) }]),
  },
  {
    name: 'cordon_bridge_eap_worker_restarts_total',
    help: 'EAP worker processes that ended, or hung and were killed, and were started again',
    isCounter: true,
    read: ({ eap }) => eap.restarts,
  },
  {
    name: 'cordon_bridge_responders_running',
    help: 'Processes that answer MAC authentication beside the first (CORDON_RADIUS_PROCESSES)',
    read: ({ responders }) => responders.running,
  },
  {
    name: 'cordon_bridge_responder_restarts_total',
    help: 'Such processes that ended by themselves and were started again',
    isCounter: true,
    read: ({ responders }) => responders.restarts,
  },
  {
    name: 'cordon_radius_socket_drops_total',
    help: 'Datagrams that the kernel threw away because the socket buffer was full (/proc/net/udp; Linux only)',
    labels: ['port'],
    isCounter: true,
    read: (observed) => onPorts(observed, ({ drops }) => drops),
  },
  {
    name: 'cordon_radius_socket_receive_queue_bytes',
    help: 'Memory of datagrams that wait to be read (/proc/net/udp; Linux only)',
    labels: ['port'],
    read: (observed) => onPorts(observed, ({ receiveQueueBytes }) => receiveQueueBytes),
  },
  {
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process, without EAP workers',
    isCounter: true,
    read: () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process, without EAP workers',
    read: () => process.memoryUsage.rss(),
  },
  {
    name: 'process_start_time_seconds',
    help: 'When the process started',
    read: () => performance.timeOrigin / 1000,
  },
];
