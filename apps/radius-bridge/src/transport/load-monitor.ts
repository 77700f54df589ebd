import { readFileSync } from 'node:fs';
import { parseUdpTable, type UdpSocket } from '../metrics/udp-sockets.js';

/** How far behind the process is. */
export interface Load {
  /** Milliseconds that a timer came late. */
  readonly lag: number;
  /** How full the fullest receive queue is, 0 to 1. */
  readonly queue: number;
}

/** A switch asks again after some seconds. */
const mostLag = 500;
const mostQueue = 0.25;
/** Good samples in a row until all is well again, so that it is not said and taken back all the time. */
const goodSamples = 5;
/** A queue of that length takes longer to fill than some samples. */
const queueEvery = 5;

/**
 * Whether the process can't keep up: its event loop is late, or datagrams pile up in the kernel. It does not decide what is
 * given up then.
 */
export class LoadMonitor {
  private good = goodSamples;
  private samples = 0;
  private lastQueue = 0;

  /** `queue`: how full the fullest receive queue is, 0 to 1; to find out takes a third of a millisecond. */
  constructor(private readonly queue: () => number) {}

  get isOverloaded(): boolean {
    return this.good < goodSamples;
  }

  /** Some times a second; `lag` as in `Load`. */
  sample(lag: number): void {
    if (this.samples++ % queueEvery === 0) this.lastQueue = this.queue();
    this.take({ lag, queue: this.lastQueue });
  }

  take({ lag, queue }: Load): void {
    this.good = lag > mostLag || queue > mostQueue ? 0 : Math.min(this.good + 1, goodSamples);
  }
}

/** How full the fullest receive queue is. Another process's socket on the same port counts, too: it is as full, or its process is slower. */
export function fullest(servers: readonly { readonly port: number; readonly receiveBufferSize: number }[]): number {
  const sockets = udpSockets();
  const filled = servers.flatMap(({ port, receiveBufferSize }) =>
    sockets.filter((socket) => socket.port === port).map((socket) => socket.receiveQueueBytes / receiveBufferSize),
  );
  return Math.max(0, ...filled);
}

/** The kernel's UDP sockets; none where there is no Linux to ask. */
export const udpSockets = (): UdpSocket[] =>
  ['/proc/net/udp', '/proc/net/udp6'].flatMap((file) => parseUdpTable(textOf(file)));

function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
