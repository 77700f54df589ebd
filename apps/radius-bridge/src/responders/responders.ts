import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DeviceChange, Orders } from '#model';
import { encodeSnapshot, type Snapshot } from '#policy/snapshot';
import { moduleBeside, post } from '../child-processes.js';
import type { Counters } from '../counters.js';
import type { DeviceIndex } from '../device-index.js';
import type { Log } from '../log.js';
import type { UdpSocket } from '../metrics/udp-sockets.js';
import { nameForResponder, type InheritedSockets } from '../transport/inherited-sockets.js';
import type { PacketHandler } from '../transport/source.js';
import type { Decided, FromResponder, Report, SharedPlace, ToResponder } from './messages.js';

const restartMilliseconds = 1000;
const devicesPerMessage = 10_000;
const endMilliseconds = 2000;
/** After standard input, output, error and the channel to us. */
const firstFreeDescriptor = 4;

export interface RespondersPorts {
  readonly devices: DeviceIndex;
  readonly counters: Counters;
  readonly log: Log;
  /** Answers what a responder can't. */
  readonly serve: PacketHandler;
  readonly decided: (decided: Decided) => void;
  readonly stranger: (address: string, times: number) => void;
}

/**
 * Processes beside this one that answer MAC authentication on the same port (SO_REUSEPORT): the kernel gives all of a switch's
 * requests from one of its ports to the same process, so each finds its own duplicates. This process is the owner of what there is only one of: sessions, journal, 802.1X
 * conversations. Responders tell it what they decided, and hand on what they can't decide.
 *
 * One that ends is started again; what the kernel had for it is lost, and asked again by the switch.
 */
export class Responders {
  private readonly running = new Map<number, ChildProcess>();
  private readonly reports = new Map<ChildProcess, Report>();
  private snapshot: unknown = null;
  private rollout: unknown = null;
  private places: readonly SharedPlace[] = [];
  private ended = 0;
  private isClosed = false;

  constructor(
    readonly count: number,
    private readonly ports: RespondersPorts,
    private readonly inherited: InheritedSockets,
  ) {}

  /** `restarts`: how many ended by themselves. */
  get state(): { readonly running: number; readonly restarts: number } {
    return { running: this.running.size, restarts: this.ended };
  }

  get sockets(): readonly UdpSocket[] {
    return [...this.reports.values()].flatMap(({ sockets }) => sockets);
  }

  taken(snapshot: Snapshot): void {
    if (this.count === 0) return;
    this.snapshot = encodeSnapshot(snapshot);
    this.tellAll({ type: 'snapshot', json: this.snapshot });
  }

  staged(rollout: unknown): void {
    if (this.count === 0) return;
    this.rollout = rollout;
    this.tellAll({ type: 'rollout', json: rollout });
  }

  ordered(orders: Orders): void {
    this.tellAll({ type: 'orders', orders });
  }

  devicesChanged(revision: number, changes: readonly DeviceChange[]): void {
    this.tellAll({ type: 'devices', reset: false, revision, changes });
  }

  /** Devices are gone without a change that says so: all are told again. */
  devicesReset(): void {
    for (const child of this.running.values()) this.tellDevices(child);
  }

  /** Starts the responders with the first places. */
  serveAt(places: readonly SharedPlace[]): void {
    if (this.isClosed) return;
    this.places = places;
    for (let at = 0; at < this.count; at++) {
      const child = this.running.get(at);
      if (!child) this.start(at);
      else if (this.socketsOf(at).length === 0) tell(child, { type: 'places', places });
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(
      [...this.running.values()].map(async (child) => {
        const gone = once(child, 'exit');
        const late = setTimeout(() => child.kill('SIGKILL'), endMilliseconds);
        child.kill('SIGTERM');
        await gone;
        clearTimeout(late);
      }),
    );
  }

  private socketsOf(at: number): readonly number[] {
    return this.inherited.get(nameForResponder(at)) ?? [];
  }

  private start(at: number): void {
    if (this.running.has(at)) return;
    const sockets = this.socketsOf(at);
    const child = fork(fileURLToPath(moduleBeside(import.meta.url, 'main')), {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...sockets],
    });
    this.running.set(at, child);
    child.on('message', (message: FromResponder) => this.hear(child, message));
    child.on('error', (error) => this.ports.log('error', 'responder', { problem: error.message }));
    child.on('exit', (code, signal) => {
      this.running.delete(at);
      this.reports.delete(child);
      if (this.isClosed) return;
      this.ended++;
      this.ports.log('error', 'a responder ended and is started again', { code, signal });
      setTimeout(() => !this.isClosed && this.start(at), restartMilliseconds).unref();
    });
    if (this.snapshot !== null) tell(child, { type: 'snapshot', json: this.snapshot });
    if (this.rollout !== null) tell(child, { type: 'rollout', json: this.rollout });
    tell(child, { type: 'orders', orders: this.ports.devices.ordered });
    this.tellDevices(child);
    if (sockets.length === 0) tell(child, { type: 'places', places: this.places });
    else {
      // Numbers that no socket of another process has.
      const taken = sockets.map((_, i) => ({ descriptor: firstFreeDescriptor + i, via: -(at * 64 + i + 1) }));
      tell(child, { type: 'take-over', sockets: taken });
    }
  }

  private tellDevices(child: ChildProcess): void {
    const { devices } = this.ports;
    let reset = true;
    let changes: DeviceChange[] = [];
    const flush = (): void => {
      tell(child, { type: 'devices', reset, revision: devices.revision, changes });
      changes = [];
      reset = false;
    };
    for (const change of devices.each()) if (changes.push(change) === devicesPerMessage) flush();
    flush();
    tell(child, { type: 'settled' });
  }

  private tellAll(message: ToResponder): void {
    for (const child of this.running.values()) tell(child, message);
  }

  private hear(child: ChildProcess, message: FromResponder): void {
    switch (message.type) {
      case 'decided':
        for (const decided of message.all) this.ports.decided(decided);
        return;
      case 'forward': {
        const { request, datagram, address, port, via } = message;
        return this.ports.serve(datagram, { address, port, via }, (reply) =>
          tell(child, { type: 'reply', request, reply }),
        );
      }
      case 'report': {
        const { report } = message;
        this.reports.set(child, report);
        this.ports.counters.merge(report.counted);
        for (const [address, times] of Object.entries(report.strangers)) this.ports.stranger(address, times);
      }
    }
  }
}

const tell = (child: ChildProcess, message: ToResponder): void => post(child, message);
