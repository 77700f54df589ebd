import { pause } from '../soak/pause.ts';
import { allProbes, sourceOf, type Probe } from './expectation.ts';
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

/** Sends every probe again and again, and has each verdict judged. */
export class Prober {
  private readonly network: Network;
  private readonly judge: Judge;
  private readonly onWrong: (wrong: Wrong) => void;
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

  private send({ device, address, protocol, port }: Probe, source: string, wait: number): Promise<boolean> {
    this.sent++;
    return this.network.devices[device.nas.site].ask<boolean>('send', { source, address, protocol, port, wait });
  }
}
