import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  codes,
  decodePacket,
  integerAttribute,
  ipv4Attribute,
  octetsAttribute,
  readOctets,
  readTaggedText,
  readText,
  Secret,
  signReply,
  signRequest,
  textAttribute,
  types,
  verifyReply,
  verifySignedRequest,
  type Attribute,
  type Packet,
} from '#radius';
import { parseAddress } from '#net';
import { isSoWithin, pause } from '../soak/pause.ts';
import { addressesOf, coaPort, devicePlans, vlans, type DevicePlan, type NasPlan, type Vlan } from './hospital.ts';

export const secret = 'secret of the chaos run';

/**
 * `honest`: does what it is told. `lying`: acknowledges, and does nothing. `refusing`: refuses at random. `silent`: does not answer. `slow`:
 * does it, and answers after some seconds.
 */
export type Manner = 'honest' | 'lying' | 'refusing' | 'silent' | 'slow';

const slowMilliseconds = 4000;
const transmissionMilliseconds = 2000;
const transmissions = 3;
/** Between two records of a session. */
const interimMilliseconds = 3000;
/** A device whose port moved asks for another address. */
const renewalMilliseconds = 300;
/** RFC 5176 §3.5: administratively prohibited. */
const prohibited = 501;
const accounting = { start: 1, stop: 2, interim: 3 } as const;
const wired = 15;
const callCheck = 10;

/** One port with one device. */
interface Port {
  readonly plan: DevicePlan;
  readonly name: string;
  vlan: Vlan | null;
  /** Class of the last Access-Accept. */
  decision: Buffer | null;
  session: string;
  /** The device is to authenticate again, or was thrown out. */
  next: 'stay' | 'reauthenticate' | 'leave';
  wake: () => void;
}

export interface SwitchPorts {
  readonly authenticationPort: () => number;
  readonly accountingPort: () => number;
  /** A device is in another VLAN now; null: in none. */
  readonly onMove: (mac: string, vlan: Vlan | null) => void;
  readonly random: () => number;
}

/** An access switch as RADIUS sees it: MAC authentication, accounting with retransmission, dynamic authorization (RFC 5176). */
export class ScriptedSwitch {
  readonly plan: NasPlan;
  private readonly ports: SwitchPorts;
  private readonly secret = new Secret(secret);
  private readonly dynamic = createSocket('udp4');
  private readonly client = createSocket('udp4');
  private readonly waiting = new Map<number, (bytes: Buffer) => void>();
  private readonly answered = new Map<string, Promise<Buffer | null>>();
  private readonly devices: readonly Port[];
  private nextId = 0;
  private sessions = 0;
  manner: Manner = 'honest';
  readonly violations: string[] = [];
  readonly counts = { accepted: 0, rejected: 0, silence: 0, coa: 0, disconnects: 0, records: 0 };

  constructor(plan: NasPlan, ports: SwitchPorts) {
    this.plan = plan;
    this.ports = ports;
    this.devices = devicePlans
      .filter(({ nas }) => nas.name === plan.name)
      .map((device, i) => ({
        plan: device,
        name: `GigabitEthernet1/0/${i + 1}`,
        vlan: null,
        decision: null,
        session: '',
        next: 'stay',
        wake: () => undefined,
      }));
  }

  async listen(): Promise<void> {
    this.dynamic.on('message', (datagram, from) => void this.dynamicRequest(datagram, from));
    this.client.on('message', (bytes) => this.waiting.get(bytes[1]!)?.(bytes));
    await bind(this.dynamic, coaPort, this.plan.address);
    await bind(this.client, 0, this.plan.address);
  }

  close(): void {
    this.dynamic.close();
    this.client.close();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.devices.map((port) => this.serve(port, signal)));
  }

  /** As at the end of Session-Timeout: sessions go on, with what they are told now. */
  reauthenticate(): void {
    for (const port of this.devices) this.order(port, 'reauthenticate');
  }

  /** The device is pulled out and comes back. */
  replug(mac: string): void {
    for (const port of this.devices) if (port.plan.mac === mac) this.order(port, 'leave');
  }

  private order(port: Port, next: Port['next']): void {
    if (port.next !== 'leave') port.next = next;
    port.wake();
  }

  private async serve(port: Port, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!(await this.authenticate(port, signal))) {
        await pause(1000, signal);
        continue;
      }
      port.session = `${this.plan.name}-${++this.sessions}-${randomBytes(3).toString('hex')}`;
      port.next = 'stay';
      await this.report(port, 'start', signal);
      await this.stay(port, signal);
      if (signal.aborted) return;
      this.put(port, null);
      await this.report(port, 'stop', signal);
      await pause(500, signal);
    }
  }

  private async stay(port: Port, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && port.next !== 'leave') {
      await sleep(port, interimMilliseconds, signal);
      if (port.next === 'reauthenticate') {
        port.next = 'stay';
        if ((await this.authenticate(port, signal)) === false) return;
      }
      // Others may have told it to leave meanwhile.
      if (!signal.aborted && (port.next as Port['next']) !== 'leave') await this.report(port, 'interim', signal);
    }
  }

  /** Null: nobody answered. */
  private async authenticate(port: Port, signal: AbortSignal): Promise<boolean | null> {
    const reply = await this.ask(
      codes.accessRequest,
      this.ports.authenticationPort,
      this.about(port, callCheck),
      signal,
    );
    if (!reply) {
      this.counts.silence++;
      return null;
    }
    const vlan = vlanOf(reply);
    if (reply.code !== codes.accessAccept || vlan === null) {
      this.counts.rejected++;
      this.put(port, null);
      return false;
    }
    this.counts.accepted++;
    port.decision = readOctets(reply.attributes, types.class);
    this.put(port, vlan);
    return true;
  }

  private async report(port: Port, status: keyof typeof accounting, signal: AbortSignal): Promise<void> {
    const { vlan, session, decision, plan } = port;
    const addresses = vlan === null ? null : addressesOf(plan, vlan);
    const attributes = [
      ...this.about(port, null),
      integerAttribute(types.acctStatusType, accounting[status]),
      textAttribute(types.acctSessionId, session),
      ...(decision ? [octetsAttribute(types.class, decision)] : []),
      ...(addresses
        ? [
            ipv4Attribute(types.framedIpAddress, addresses.v4),
            octetsAttribute(types.framedIpv6Address, bytesOf(addresses.v6)),
          ]
        : []),
    ];
    // A switch that gets no answer goes on trying; a record of now replaces one of before.
    while (!signal.aborted) {
      const answer = await this.ask(codes.accountingRequest, this.ports.accountingPort, attributes, signal);
      if (answer) this.counts.records++;
      if (answer || status === 'interim') return;
    }
  }

  private about(port: Port, serviceType: number | null): Attribute[] {
    const { mac } = port.plan;
    return [
      textAttribute(types.userName, mac.replaceAll(':', '')),
      textAttribute(types.calledStationId, '02-00-00-00-00-01'),
      textAttribute(types.callingStationId, mac.replaceAll(':', '-').toUpperCase()),
      ipv4Attribute(types.nasIpAddress, this.plan.address),
      integerAttribute(types.nasPortType, wired),
      textAttribute(types.nasPortId, port.name),
      ...(serviceType === null ? [] : [integerAttribute(types.serviceType, serviceType)]),
    ];
  }

  private async ask(
    code: typeof codes.accessRequest | typeof codes.accountingRequest,
    server: () => number,
    attributes: readonly Attribute[],
    signal: AbortSignal,
  ): Promise<Packet | null> {
    const id = this.nextId++ % 256;
    const random = code === codes.accessRequest ? randomBytes(16) : undefined;
    const datagram = signRequest(code, id, attributes, this.secret, random);
    for (let n = 0; n < transmissions && !signal.aborted; n++) {
      const reply = this.replyTo(id, signal);
      this.client.send(datagram, server(), '127.0.0.1');
      const bytes = await reply;
      if (bytes === null) continue;
      const packet = decodePacket(bytes);
      if (typeof packet !== 'string' && verifyReply(packet, datagram.subarray(4, 20), this.secret) === 'valid')
        return packet;
      this.violations.push(`a reply to ${code} is not validly signed`);
    }
    return null;
  }

  private replyTo(id: number, signal: AbortSignal): Promise<Buffer | null> {
    return new Promise((resolve) => {
      const settle = (bytes: Buffer | null): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        this.waiting.delete(id);
        resolve(bytes);
      };
      const giveUp = (): void => settle(null);
      const timer = setTimeout(giveUp, transmissionMilliseconds);
      signal.addEventListener('abort', giveUp);
      this.waiting.set(id, settle);
    });
  }

  private async dynamicRequest(datagram: Buffer, { address, port }: RemoteInfo): Promise<void> {
    const packet = decodePacket(datagram);
    if (typeof packet === 'string' || verifySignedRequest(packet, this.secret) !== 'valid') {
      this.violations.push('a CoA or Disconnect-Request is not validly signed');
      return;
    }
    // A retransmission gets what its request got (RFC 5176 §2.3).
    const key = packet.bytes.toString('hex');
    const answer = this.answered.get(key) ?? this.obey(packet);
    this.answered.set(key, answer);
    const reply = await answer;
    if (reply) this.dynamic.send(reply, port, address, () => undefined);
  }

  private async obey(packet: Packet): Promise<Buffer | null> {
    const { manner } = this;
    const isCoa = packet.code === codes.coaRequest;
    this.counts[isCoa ? 'coa' : 'disconnects']++;
    if (manner === 'silent') return null;
    if (manner === 'slow') await new Promise((resolve) => setTimeout(resolve, slowMilliseconds));
    if (manner === 'refusing' && this.ports.random() < 0.6)
      return signReply(
        packet,
        isCoa ? codes.coaNak : codes.disconnectNak,
        [integerAttribute(types.errorCause, prohibited)],
        this.secret,
      );
    if (manner !== 'lying') this.carryOut(packet, isCoa);
    return signReply(packet, isCoa ? codes.coaAck : codes.disconnectAck, [], this.secret);
  }

  private carryOut(packet: Packet, isCoa: boolean): void {
    const station = readText(packet.attributes, types.callingStationId)?.replaceAll('-', ':').toLowerCase();
    const port = this.devices.find(({ plan }) => plan.mac === station);
    if (!port) return;
    if (!isCoa) return this.order(port, 'leave');
    const vlan = vlanOf(packet);
    port.decision = readOctets(packet.attributes, types.class) ?? port.decision;
    if (vlan === null || vlan === port.vlan) return;
    this.put(port, vlan);
    setTimeout(() => port.wake(), renewalMilliseconds);
  }

  private put(port: Port, vlan: Vlan | null): void {
    port.vlan = vlan;
    this.ports.onMove(port.plan.mac, vlan);
  }
}

function vlanOf({ attributes }: Packet): Vlan | null {
  const told = Number(readTaggedText(attributes, types.tunnelPrivateGroupId)?.value);
  return Object.values(vlans).find((vlan) => vlan === told) ?? null;
}

async function bind(socket: Socket, port: number, address: string): Promise<void> {
  socket.bind(port, address);
  await once(socket, 'listening');
}

/** Until the time is up, or somebody wakes the port. */
async function sleep(port: Port, milliseconds: number, signal: AbortSignal): Promise<void> {
  let isAwake = false;
  port.wake = () => (isAwake = true);
  await isSoWithin(milliseconds, () => isAwake || port.next !== 'stay', signal);
  port.wake = () => undefined;
}

function bytesOf(address: string): Buffer {
  const { value } = parseAddress(address)!;
  return Buffer.from(value.toString(16).padStart(32, '0'), 'hex');
}
