/*
 * The process that plays the switches: sends signed MAC authentications to one server on loopback and checks each reply.
 * A case starts it and sends it one job at a time; all jobs are bounded in count and time.
 *
 * Requests are signed before the clock starts and replies are checked after it stopped: what is measured is the server.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  codes,
  decodePacket,
  hidePassword,
  integerAttribute,
  ipv4Attribute,
  Secret,
  signRequest,
  textAttribute,
  types,
  verifyReply,
} from '#radius';
import { quantile } from '../statistics.ts';
import { describePlacement, placementOf, type Placement } from './placement.ts';

/** Devices that are all to be answered alike. */
export interface DeviceKind {
  readonly macs: readonly string[];
  readonly placement: Placement;
}

export interface MacJob {
  readonly port: number;
  readonly secret: string;
  /** Of all jobs of a process alike. */
  readonly kinds: readonly DeviceKind[];
  readonly count: number;
  /** Closed loop: the next request goes when a reply has come. Open loop: requests go by the clock. */
  readonly load: { readonly inFlight: number } | { readonly perSecond: number };
}

export interface MacOutcome {
  readonly seconds: number;
  readonly replies: number;
  readonly lost: number;
  /** Milliseconds; open loop: from the instant at which the request was due. */
  readonly p50: number;
  readonly p99: number;
  /** Replies that are not validly signed, or don't say what the device's kind is to be told. */
  readonly wrong: number;
  /** What was wrong with the first of them. */
  readonly firstWrong: string | null;
}

const socketCount = 4;
const slots = socketCount * 256;
const variants = 16;
const lostMilliseconds = 1000;
const lookMilliseconds = 0.2;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
/** After a loss: a late reply must not be taken for one to the next request with the same identifier. */
const restMilliseconds = 5000;
const jobMilliseconds = 60_000;

interface Device {
  readonly mac: string;
  readonly placement: Placement;
}

interface Request {
  readonly datagram: Buffer;
  readonly authenticator: Buffer;
  readonly device: Device;
}

/** What a switch sends for a device without 802.1X, at its port. */
function requestOf(id: number, device: Device, port: number, secret: Secret): Request {
  const { mac } = device;
  const authenticator = randomBytes(16);
  const plain = mac.replaceAll(':', '');
  const station = mac.replaceAll(':', '-').toUpperCase();
  const attributes = [
    textAttribute(types.userName, plain),
    { type: types.userPassword, value: hidePassword(plain, authenticator, secret) },
    integerAttribute(types.serviceType, 10),
    textAttribute(types.calledStationId, '02-00-00-00-00-01'),
    textAttribute(types.callingStationId, station),
    ipv4Attribute(types.nasIpAddress, '127.0.0.1'),
    integerAttribute(types.nasPortType, 15),
    integerAttribute(types.nasPort, 50_000 + port),
    textAttribute(types.nasPortId, `GigabitEthernet1/0/${port}`),
  ];
  return { datagram: signRequest(codes.accessRequest, id, attributes, secret, authenticator), authenticator, device };
}

/** Each slot is a source port and an identifier; it has variants, so that no request is a retransmission of another. */
class Switches {
  readonly requests: Request[][];
  readonly secret: Secret;
  readonly sockets: Socket[] = [];
  /** How often each slot was used, in all jobs: a variant comes again only after all others. */
  readonly turns = new Int32Array(slots);
  /** Not to be used before. */
  readonly restUntil = new Float64Array(slots);

  constructor(secret: string, kinds: readonly DeviceKind[]) {
    this.secret = new Secret(secret);
    const devices = kinds.flatMap(({ macs, placement }) => macs.map((mac): Device => ({ mac, placement })));
    this.requests = Array.from({ length: slots }, (_, slot) =>
      Array.from({ length: variants }, (_, variant) => {
        const port = (variant * slots + slot) % devices.length;
        return requestOf(slot % 256, devices[port]!, port, this.secret);
      }),
    );
  }

  async open(): Promise<void> {
    for (let i = 0; i < socketCount; i++) {
      const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
      this.sockets.push(socket.bind(0, '127.0.0.1'));
      await once(socket, 'listening');
    }
  }
}

/** More than replies have usually. */
const usualReplyBytes = 512;

/**
 * What has come, to be checked when the clock has stopped: as bytes in one piece and numbers in arrays, because a hundred thousand
 * objects would make the garbage collector stop the generator in the middle, for longer than any server takes. Written to before the clock
 * starts, because getting the memory from the kernel takes as long.
 */
class Received {
  private bytes: Buffer;
  private used = 0;
  private readonly ends: Float64Array;
  private readonly requests: Int32Array;
  private readonly times: Float64Array;
  count = 0;

  constructor(most: number) {
    this.bytes = Buffer.allocUnsafeSlow(most * usualReplyBytes).fill(1);
    this.ends = new Float64Array(most).fill(1);
    this.requests = new Int32Array(most).fill(1);
    this.times = new Float64Array(most).fill(1);
  }

  /** `request`: its slot and variant, as one number. `milliseconds`: how long it took. */
  add(reply: Buffer, request: number, milliseconds: number): void {
    if (this.used + reply.length > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * this.bytes.length);
      this.bytes.copy(larger, 0, 0, this.used);
      this.bytes = larger;
    }
    reply.copy(this.bytes, this.used);
    this.used += reply.length;
    this.ends[this.count] = this.used;
    this.requests[this.count] = request;
    this.times[this.count++] = milliseconds;
  }

  get latencies(): number[] {
    return [...this.times.subarray(0, this.count)];
  }

  *each(): Generator<{ readonly request: number; readonly reply: Buffer }> {
    for (let i = 0; i < this.count; i++) {
      const reply = this.bytes.subarray(i === 0 ? 0 : this.ends[i - 1]!, this.ends[i]);
      yield { request: this.requests[i]!, reply };
    }
  }
}

/** One job under way. */
class Round {
  private readonly free: number[] = [];
  private resting: number[] = [];
  private readonly due = new Float64Array(slots);
  private readonly turn = new Int32Array(slots).fill(-1);
  private readonly received: Received;
  private readonly switches: Switches;
  private readonly job: MacJob;
  private sent = 0;
  private lost = 0;
  private begun = 0;
  private looking: NodeJS.Immediate | null = null;
  private end = Promise.withResolvers<void>();

  constructor(switches: Switches, job: MacJob) {
    this.switches = switches;
    this.job = job;
    this.received = new Received(job.count);
    for (let slot = slots - 1; slot >= 0; slot--) this.resting.push(slot);
    this.wakeRested(performance.now());
  }

  async run(): Promise<MacOutcome> {
    for (const [i, socket] of this.switches.sockets.entries()) {
      socket.on('message', (reply) => this.receive(i, reply));
    }
    const sweep = setInterval(() => this.sweep(), 100);
    this.begun = performance.now();
    if ('inFlight' in this.job.load) for (let i = 0; i < this.job.load.inFlight; i++) this.send(performance.now());
    this.look();
    await this.end.promise;
    const seconds = (performance.now() - this.begun) / 1000;
    clearInterval(sweep);
    if (this.looking) clearImmediate(this.looking);
    for (const socket of this.switches.sockets) socket.removeAllListeners('message');
    return this.outcome(seconds);
  }

  /**
   * Sleeps by the clock and then takes what has come, as a network card does that collects interrupts. Would it wait for its sockets, each
   * reply would have to wake it, and on loopback that is paid for by the server who sends it: more than its whole answer, and
   * only as long as it is slower than the generator.
   */
  private look(): void {
    this.looking = setImmediate(() => {
      Atomics.wait(sleeper, 0, 0, lookMilliseconds);
      if ('perSecond' in this.job.load) this.sendDue(this.job.load.perSecond / 1000);
      this.look();
    });
  }

  private sendDue(perMillisecond: number): void {
    const now = performance.now();
    while (this.sent < this.job.count && this.begun + this.sent / perMillisecond <= now) {
      if (this.free.length === 0) break;
      this.send(this.begun + this.sent / perMillisecond);
    }
  }

  private send(due: number): void {
    const slot = this.free.pop();
    if (slot === undefined || this.sent >= this.job.count) return;
    this.sent++;
    this.due[slot] = due;
    const turn = ++this.switches.turns[slot]! % variants;
    this.turn[slot] = turn;
    const { datagram } = this.switches.requests[slot]![turn]!;
    this.switches.sockets[slot >> 8]!.send(datagram, this.job.port, '127.0.0.1');
  }

  private receive(socket: number, reply: Buffer): void {
    const slot = socket * 256 + reply[1]!;
    const turn = this.turn[slot]!;
    if (turn < 0) return;
    const now = performance.now();
    this.turn[slot] = -1;
    this.free.unshift(slot);
    this.received.add(reply, slot * variants + turn, now - this.due[slot]!);
    this.settle();
    if ('inFlight' in this.job.load) this.send(now);
  }

  private wakeRested(now: number): void {
    const { restUntil } = this.switches;
    const rested = this.resting.filter((slot) => restUntil[slot]! <= now);
    if (rested.length === 0) return;
    this.resting = this.resting.filter((slot) => restUntil[slot]! > now);
    this.free.unshift(...rested);
  }

  private settle(): void {
    if (this.received.count + this.lost >= this.job.count) this.end.resolve();
  }

  /** Gives up requests that nobody answered, and the whole job when it takes too long. */
  private sweep(): void {
    const now = performance.now();
    this.wakeRested(now);
    for (let slot = 0; slot < slots; slot++) {
      if (this.turn[slot]! < 0 || now - this.due[slot]! < lostMilliseconds) continue;
      this.turn[slot] = -1;
      this.switches.restUntil[slot] = now + restMilliseconds;
      this.resting.push(slot);
      this.lost++;
      if ('inFlight' in this.job.load) this.send(now);
    }
    this.settle();
    if (now - this.begun > jobMilliseconds) this.end.resolve();
  }

  private outcome(seconds: number): MacOutcome {
    const problems: string[] = [];
    for (const { request, reply } of this.received.each()) {
      const asked = this.switches.requests[Math.floor(request / variants)]![request % variants]!;
      const problem = this.problemOf(asked, reply);
      if (problem) problems.push(problem);
    }
    const { latencies } = this.received;
    return {
      seconds,
      replies: this.received.count,
      lost: this.lost,
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      wrong: problems.length,
      firstWrong: problems[0] ?? null,
    };
  }

  private problemOf({ device, authenticator }: Request, reply: Buffer): string | null {
    const packet = decodePacket(reply);
    if (typeof packet === 'string') return `${device.mac}: the reply is no RADIUS packet: ${packet}`;
    const verdict = verifyReply(packet, authenticator, this.switches.secret);
    if (verdict !== 'valid') return `${device.mac}: the reply's signature: ${verdict}`;
    const placement = placementOf(packet);
    if (placement === device.placement) return null;
    return `${device.mac}: ${describePlacement(placement)} instead of ${describePlacement(device.placement)}`;
  }
}

let switches: Switches | null = null;
process.on('message', (job: MacJob) => {
  void (async () => {
    if (!switches) await (switches = new Switches(job.secret, job.kinds)).open();
    process.send!(await new Round(switches, job).run());
  })();
});
process.on('disconnect', () => process.exit(0));
