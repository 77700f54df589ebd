import { assertNever } from '#base';
import { codes, readOctets, Secret, types } from '#radius';
import { accountingRequest, macRequest } from '../radius/session-starter.ts';
import { now } from './clock.ts';
import { Addresses, macOf, portOf, switchAddress, switchOf, type EstateSize } from './estate.ts';
import { NetworkSwitch, type Told } from './network-switch.ts';
import { segmentNames } from './policy.ts';

/** What the switches are asked for; each is answered with a `Report` of the same `id`. */
export type Order =
  | {
      readonly do: 'open';
      readonly size: EstateSize;
      readonly coaPort: number;
      readonly secret: string;
      readonly ports: Ports;
    }
  /** All devices that have sessions authenticate, and their sessions are reported. */
  | { readonly do: 'attach' }
  /** From now on what the switches are told is counted anew. */
  | { readonly do: 'forget' }
  | { readonly do: 'count' }
  /** When this device is told of this VLAN. */
  | { readonly do: 'await'; readonly mac: string; readonly vlan: number }
  /** Each session once has another address; reports of them begin so many times a second. */
  | { readonly do: 'readdress'; readonly perSecond: number; readonly generation: number }
  /** What each session last said. */
  | { readonly do: 'addresses' };

export interface Ports {
  readonly authentication: number;
  readonly accounting: number;
}

export interface Counted {
  /** Different devices that were told something and acknowledged it. */
  readonly devices: number;
  readonly requests: number;
  /** When the last device was told for the first time, by the clock of `now`; 0: none was. */
  readonly lastAt: number;
  readonly repeated: number;
  readonly retransmissions: number;
  readonly violations: number;
}

const lanes = 128;
const tick = 5;

interface Live {
  readonly id: string;
  decision: Buffer;
  generation: number;
}

/** All switches of the estate, in a process of their own. */
class Switches {
  private readonly size: EstateSize;
  private readonly ports: Ports;
  private readonly addresses: Addresses;
  private readonly all: NetworkSwitch[];
  private readonly sessions: Live[] = [];
  private readonly deviceOf = new Map<string, number>();
  private readonly awaited = new Map<string, { readonly vlan: number; readonly seen: (at: number) => void }>();
  private readonly told = new Set<string>();
  private readonly toldLast = new Map<string, { readonly vlan: number | null; readonly at: number }>();
  private requests = 0;
  private lastAt = 0;

  constructor({ size, secret, ports }: Extract<Order, { readonly do: 'open' }>) {
    this.size = size;
    this.ports = ports;
    this.addresses = new Addresses(size, segmentNames);
    const shared = new Secret(secret);
    this.all = Array.from(
      { length: size.switches },
      (_, n) => new NetworkSwitch(switchAddress(n), shared, (told) => this.onTold(told)),
    );
    for (let device = 0; device < size.sessions; device++) this.deviceOf.set(macOf(device, size), device);
  }

  async listen(port: number): Promise<void> {
    for (const one of this.all) await one.listen(port);
  }

  async attach(): Promise<{ readonly milliseconds: number }> {
    const began = now();
    const lane = async (first: number): Promise<void> => {
      for (let device = first; device < this.size.sessions; device += lanes) await this.attachOne(device);
    };
    await Promise.all(Array.from({ length: lanes }, (_, first) => lane(first)));
    return { milliseconds: now() - began };
  }

  private async attachOne(device: number): Promise<void> {
    const mac = macOf(device, this.size);
    const at = this.placeOf(device);
    const request = macRequest(mac, at.port, at.switch.address);
    const accept = await at.switch.ask(this.ports.authentication, codes.accessRequest, request);
    const decision = accept?.code === codes.accessAccept ? readOctets(accept.attributes, types.class) : null;
    if (!decision)
      throw new Error(`${mac}: ${accept ? `code ${accept.code} instead of an Access-Accept` : 'no answer'}`);
    this.sessions[device] = { id: `estate-${device}`, decision: Buffer.from(decision), generation: 0 };
    if (!(await this.report(device, 'start')))
      throw new Error(`the start of the session of ${mac} is not acknowledged`);
  }

  private async report(device: number, status: 'start' | 'interim'): Promise<boolean> {
    const at = this.placeOf(device);
    const { id, decision, generation } = this.sessions[device]!;
    const session = { id, decision, address: this.addresses.of(device, generation) };
    const record = accountingRequest(macOf(device, this.size), at.port, session, status, at.switch.address);
    return (await at.switch.ask(this.ports.accounting, codes.accountingRequest, record)) !== null;
  }

  private placeOf(device: number): { readonly switch: NetworkSwitch; readonly port: number } {
    return { switch: this.all[switchOf(device, this.size)]!, port: portOf(device, this.size) };
  }

  forget(): void {
    this.told.clear();
    this.requests = this.lastAt = 0;
    for (const one of this.all) one.repeated = one.retransmissions = one.violations = 0;
  }

  count(): Counted {
    const sum = (of: 'repeated' | 'retransmissions' | 'violations'): number =>
      this.all.reduce((total, one) => total + one[of], 0);
    return {
      devices: this.told.size,
      requests: this.requests,
      lastAt: this.lastAt,
      repeated: sum('repeated'),
      retransmissions: sum('retransmissions'),
      violations: sum('violations'),
    };
  }

  /** A controller may be faster than the order to look for what it does. */
  await(mac: string, vlan: number): Promise<number> {
    const last = this.toldLast.get(mac);
    if (last?.vlan === vlan) return Promise.resolve(last.at);
    return new Promise((seen) => this.awaited.set(mac, { vlan, seen }));
  }

  private onTold({ mac, vlan, decision }: Told): void {
    const at = now();
    this.requests++;
    this.toldLast.set(mac, { vlan, at });
    if (!this.told.has(mac)) {
      this.told.add(mac);
      this.lastAt = at;
    }
    // RFC 5176 §3.6: what it says from now on is under the new one.
    const session = this.sessions[this.deviceOf.get(mac) ?? -1];
    if (session && decision) session.decision = Buffer.from(decision);
    const awaited = this.awaited.get(mac);
    if (!awaited || awaited.vlan !== vlan) return;
    this.awaited.delete(mac);
    awaited.seen(at);
  }

  /** Open loop: by the clock, whether the answers come or not. */
  async readdress(perSecond: number, generation: number) {
    const began = now();
    let unanswered = 0;
    let lastAt = 0;
    const open: Promise<void>[] = [];
    for (let device = 0; device < this.sessions.length;) {
      const due = Math.min(this.sessions.length, Math.ceil(((now() - began) / 1000) * perSecond));
      for (; device < due; device++) {
        this.sessions[device]!.generation = generation;
        open.push(
          this.report(device, 'interim').then((isAnswered) => {
            if (!isAnswered) unanswered++;
            lastAt = now();
          }),
        );
      }
      await new Promise((resolve) => setTimeout(resolve, tick));
    }
    const sentFor = now() - began;
    await Promise.all(open);
    return { changes: open.length, began, sentFor, lastAt, unanswered };
  }

  said(): string[] {
    return this.sessions.map(({ generation }, device) => this.addresses.of(device, generation));
  }

  close(): void {
    for (const one of this.all) one.close();
  }
}

export interface Answers {
  readonly open: null;
  readonly attach: { readonly milliseconds: number };
  readonly forget: null;
  readonly count: Counted;
  readonly await: number;
  readonly readdress: Awaited<ReturnType<Switches['readdress']>>;
  readonly addresses: readonly string[];
}

let switches: Switches | null = null;

async function carryOut(order: Order): Promise<Answers[Order['do']]> {
  if (order.do === 'open') {
    switches = new Switches(order);
    await switches.listen(order.coaPort);
    return null;
  }
  if (!switches) throw new Error('there are no switches yet');
  switch (order.do) {
    case 'attach':
      return switches.attach();
    case 'forget':
      switches.forget();
      return null;
    case 'count':
      return switches.count();
    case 'await':
      return switches.await(order.mac, order.vlan);
    case 'readdress':
      return switches.readdress(order.perSecond, order.generation);
    case 'addresses':
      return switches.said();
    default:
      return assertNever(order);
  }
}

process.on('message', ({ id, order }: { readonly id: number; readonly order: Order }) => {
  carryOut(order).then(
    (answer) => process.send!({ id, answer }),
    (error: Error) => process.send!({ id, problem: error.message }),
  );
});
process.on('disconnect', () => switches?.close());
