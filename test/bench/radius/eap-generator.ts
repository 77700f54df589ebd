/*
 * The process that plays devices with certificates behind their switches: EAP-TLS conversations with one server on loopback, a
 * number of them at a time, each verified up to the keys that the switch is given. It does one job after the other.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  codes,
  concatenatedAttributes,
  decodePacket,
  integerAttribute,
  ipv4Attribute,
  octetsAttribute,
  readAll,
  readOctets,
  readTaggedText,
  Secret,
  signRequest,
  textAttribute,
  types,
  vendors,
  verifyReply,
  type Attribute,
  type Packet,
} from '#radius';
import { quantile } from '../statistics.ts';
import { Device, Supplicant, type DeviceCredentials, type TlsVersion } from './supplicant.ts';

export interface EapJob {
  readonly port: number;
  readonly secret: string;
  readonly devices: readonly DeviceCredentials[];
  readonly version: TlsVersion;
  /** Conversations at a time, each of another device; as many devices are needed. */
  readonly inFlight: number;
  /** The job ends after so many conversations or so many seconds. */
  readonly until: { readonly count: number } | { readonly seconds: number };
  /** Try to resume the device's last session. */
  readonly resumes: boolean;
}

export interface EapOutcome {
  readonly seconds: number;
  /** Conversations that ended in an Access-Accept with the right keys. */
  readonly succeeded: number;
  readonly resumed: number;
  /** Access-Requests for each of them. */
  readonly rounds: number;
  /** Milliseconds from the identity to the Accept. */
  readonly p50: number;
  readonly p99: number;
  readonly vlans: readonly string[];
  /** What went wrong, and how often. */
  readonly problems: Readonly<Record<string, number>>;
}

const lostMilliseconds = 5000;
const msMppeReceiveKey = 17;
const keyLength = 32;

/** A socket of its own, so that identifiers of conversations don't meet. */
class Switch {
  private readonly secret: Secret;
  private readonly job: EapJob;
  private readonly socket: Socket;
  private id = 0;
  rounds = 0;

  constructor(job: EapJob, socket: Socket) {
    this.job = job;
    this.socket = socket;
    this.secret = new Secret(job.secret);
  }

  async ask(mac: string, message: Buffer, state: Buffer | null): Promise<{ reply: Packet; authenticator: Buffer }> {
    const authenticator = randomBytes(16);
    const attributes = [
      textAttribute(types.userName, 'anonymous@devices.test'),
      textAttribute(types.calledStationId, '02-00-00-00-00-01'),
      textAttribute(types.callingStationId, mac.replaceAll(':', '-').toUpperCase()),
      ipv4Attribute(types.nasIpAddress, '127.0.0.1'),
      integerAttribute(types.nasPortType, 15),
      integerAttribute(types.nasPort, 50_001),
      textAttribute(types.nasPortId, 'GigabitEthernet1/0/1'),
      integerAttribute(types.framedMtu, 1500),
      ...(state ? [octetsAttribute(types.state, state)] : []),
      ...concatenatedAttributes(types.eapMessage, message),
    ];
    const id = this.id++ % 256;
    const datagram = signRequest(codes.accessRequest, id, attributes, this.secret, authenticator);
    this.rounds++;
    this.socket.send(datagram, this.job.port, '127.0.0.1');
    const [bytes] = (await once(this.socket, 'message', { signal: AbortSignal.timeout(lostMilliseconds) })) as [Buffer];
    const reply = decodePacket(bytes);
    if (typeof reply === 'string') throw new Error(`reply: ${reply}`);
    if (reply.id !== id || verifyReply(reply, authenticator, this.secret) !== 'valid')
      throw new Error('reply: not signed, or not to what was asked');
    return { reply, authenticator };
  }

  /** RFC 2548 §2.4.3: of what the switch would encrypt with, the half that can't be right by chance. */
  receiveKey(reply: Packet, authenticator: Buffer): Buffer | null {
    for (const value of readAll(reply.attributes, types.vendorSpecific)) {
      if (value.readUInt32BE(0) !== vendors.microsoft || value[4] !== msMppeReceiveKey) continue;
      const [salt, hidden] = [value.subarray(6, 8), value.subarray(8)];
      const plain = Buffer.alloc(hidden.length);
      let previous: Buffer = Buffer.concat([authenticator, salt]);
      for (let at = 0; at < hidden.length; at += 16) {
        const block = hidden.subarray(at, at + 16);
        const stream = this.secret.md5Before(previous);
        for (const [i, byte] of block.entries()) plain[at + i] = byte ^ stream[i]!;
        previous = block;
      }
      return plain.subarray(1, 1 + keyLength);
    }
    return null;
  }
}

interface Success {
  readonly resumed: boolean;
  readonly vlan: string;
}

async function converse(at: Switch, device: Device, resumes: boolean): Promise<Success> {
  const supplicant = new Supplicant(device, resumes);
  try {
    let message = supplicant.identity();
    let state: Buffer | null = null;
    for (;;) {
      const { reply, authenticator } = await at.ask(device.mac, message, state);
      if (reply.code === codes.accessReject) throw new Error('Access-Reject');
      if (reply.code === codes.accessAccept) {
        const key = at.receiveKey(reply, authenticator);
        if (!key?.equals(supplicant.masterSessionKey().subarray(0, keyLength))) throw new Error('keys differ');
        return { resumed: supplicant.isResumed, vlan: vlanOf(reply.attributes) };
      }
      state = readOctets(reply.attributes, types.state);
      message = await supplicant.respond(Buffer.concat(readAll(reply.attributes, types.eapMessage)));
    }
  } finally {
    supplicant.close();
  }
}

const vlanOf = (attributes: readonly Attribute[]): string =>
  readTaggedText(attributes, types.tunnelPrivateGroupId)?.value ?? 'none';

async function run(job: EapJob, devices: readonly Device[]): Promise<EapOutcome> {
  const begun = performance.now();
  const latencies: number[] = [];
  const vlans = new Set<string>();
  const problems: Record<string, number> = {};
  let [begins, rounds, resumed] = [0, 0, 0];
  const mayBegin = (): boolean =>
    'count' in job.until ? begins < job.until.count : performance.now() - begun < job.until.seconds * 1000;
  const lane = async (device: Device): Promise<void> => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const at = new Switch(job, socket);
    while (mayBegin()) {
      begins++;
      const from = performance.now();
      try {
        const success = await converse(at, device, job.resumes);
        latencies.push(performance.now() - from);
        vlans.add(success.vlan);
        if (success.resumed) resumed++;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        problems[reason] = (problems[reason] ?? 0) + 1;
      }
    }
    rounds += at.rounds;
    socket.close();
  };
  await Promise.all(devices.slice(0, job.inFlight).map(lane));
  return {
    seconds: (performance.now() - begun) / 1000,
    succeeded: latencies.length,
    resumed,
    rounds: rounds / begins,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    vlans: [...vlans].sort(),
    problems,
  };
}

/** Devices keep their sessions from job to job at one server. */
const known = new Map<string, Device[]>();
process.on('message', (job: EapJob) => {
  const key = `${job.port} ${job.version}`;
  const devices = known.get(key) ?? job.devices.map((credentials) => new Device(credentials, job.version));
  known.set(key, devices);
  void run(job, devices).then((outcome) => process.send!(outcome));
});
process.on('disconnect', () => process.exit(0));
