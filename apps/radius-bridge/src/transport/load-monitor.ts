import { readFileSync } from 'node:fs';

/** How far behind the process is. */
export interface Load {
  /** Milliseconds that a timer came late. */
  readonly lag: number;
  /** How full the fullest receive queue is, 0 to 1. */
  readonly queue: number;
}

const sampleMilliseconds = 100;
/** A switch asks again after some seconds. */
const mostLag = 500;
const mostQueue = 0.25;
/** Good samples in a row until all is well again, so that it is not said and taken back all the time. */
const goodSamples = 5;

/**
 * Whether the process can't keep up: its event loop is late, or datagrams pile up in the kernel. It does not decide what is
 * given up then.
 */
export class LoadMonitor {
  private good = goodSamples;
  private timer: NodeJS.Timeout | null = null;
  private expected = 0;

  /** `queue`: how full the fullest receive queue is, 0 to 1. */
  constructor(
    private readonly queue: () => number,
    private readonly now: () => number,
  ) {}

  get isOverloaded(): boolean {
    return this.good < goodSamples;
  }

  start(): void {
    this.expected = this.now() + sampleMilliseconds;
    this.timer = setInterval(() => {
      const now = this.now();
      this.take({ lag: now - this.expected, queue: this.queue() });
      this.expected = now + sampleMilliseconds;
    }, sampleMilliseconds);
  }

  take({ lag, queue }: Load): void {
    this.good = lag > mostLag || queue > mostQueue ? 0 : Math.min(this.good + 1, goodSamples);
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
  }
}

/** The kernel's tables of UDP sockets; empty where there are none. */
export const udpTables = (): string => ['/proc/net/udp', '/proc/net/udp6'].map(textOf).join('');

/** Bytes in the fullest receive queue of a port. `sl local_address rem_address st tx_queue:rx_queue …`, numbers in hex. */
export function fullest(table: string, port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let most = 0;
  for (const line of table.split('\n')) {
    const [, local, , , queues] = line.trim().split(/\s+/, 5);
    if (!local?.endsWith(suffix)) continue;
    const bytes = Number.parseInt(queues?.split(':')[1] ?? '', 16);
    if (bytes > most) most = bytes;
  }
  return most;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
