import { pause } from '../soak/pause.ts';
import { allProbes, sourceOf, streamProbes, type Probe } from './expectation.ts';
import type { Judge, Ruling } from './judge.ts';
import type { Network } from './network.ts';

const betweenRounds = 700;
const waitMilliseconds = 400;
/** A packet that should have passed gets a second chance, and more time: the machine may be busy. */
const patientMilliseconds = 2000;

export interface Wrong {
  readonly probe: Probe;
  readonly passed: boolean;
}

/** Sends every probe again and again, and has each verdict judged. Beside that each pump keeps a connection open, and asks over it. */
export class Prober {
  private readonly network: Network;
  private readonly judge: Judge;
  private readonly onWrong: (wrong: Wrong) => void;
  /** MAC → port of its open connection. */
  private readonly streams = new Map<string, number>();
  sent = 0;
  rounds = 0;
  /** Verdicts of the last round that were not what policy says now. */
  different: readonly Probe[] = [];

  constructor(network: Network, judge: Judge, onWrong: (wrong: Wrong) => void) {
    this.network = network;
    this.judge = judge;
    this.onWrong = onWrong;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.round();
      await pause(betweenRounds, signal);
    }
  }

  async round(): Promise<void> {
    const rulings = await Promise.all(allProbes.map(async (probe) => [probe, await this.probe(probe)] as const));
    await Promise.all(streamProbes.map((probe) => this.ask(probe)));
    this.different = rulings.filter(([, ruling]) => ruling !== 'right' && ruling !== null).map(([probe]) => probe);
    this.rounds++;
  }

  /** Null: the device was on no port, or moved while it was asked. */
  private async probe(probe: Probe): Promise<Ruling | null> {
    const { judge } = this;
    const { mac } = probe.device;
    const vlan = judge.vlanOf(mac);
    if (vlan === null) return null;
    const before = judge.allowed(probe, Date.now());
    const source = sourceOf(probe, vlan);
    let passed = await this.send(probe, source, waitMilliseconds);
    if (!passed && judge.expected(probe) === true) passed = await this.send(probe, source, patientMilliseconds);
    if (judge.vlanOf(mac) !== vlan) return null;
    const ruling = judge.rule(probe, passed, before, Date.now());
    if (ruling === 'wrong') this.onWrong({ probe, passed });
    return ruling;
  }

  /** What it has allowed once must not be open for ever: an answer is a packet that passed. Without one the next is a new connection. */
  private async ask(probe: Probe): Promise<void> {
    const { judge } = this;
    const { mac, nas } = probe.device;
    const agent = this.network.devices[nas.site];
    const stream = this.streams.get(mac);
    const before = judge.allowed(probe, Date.now());
    if (stream !== undefined) {
      this.sent++;
      const passed = await agent.ask<boolean>('echo', { handle: stream, wait: waitMilliseconds });
      if (passed && judge.rule(probe, true, before, Date.now()) === 'wrong') this.onWrong({ probe, passed });
      if (passed) return;
      this.streams.delete(mac);
      await agent.ask('close', { handle: stream });
    }
    const vlan = judge.vlanOf(mac);
    if (vlan === null || judge.expected(probe) !== true) return;
    const order = { source: sourceOf(probe, vlan), address: probe.address, port: probe.port, wait: waitMilliseconds };
    this.streams.set(mac, await agent.ask<number>('open', order));
  }

  private send({ device, address, protocol, port }: Probe, source: string, wait: number): Promise<boolean> {
    this.sent++;
    return this.network.devices[device.nas.site].ask<boolean>('send', { source, address, protocol, port, wait });
  }
}
