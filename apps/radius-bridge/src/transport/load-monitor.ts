import { readFileSync } from 'node:fs';

/** How far behind the process is. */
export interface Load {
  /** Milliseconds that a timer came late. */
  readonly lag: number;
  /** How full the fullest receive queue is, 0 to 1. */
  readonly queue: number;
}

const sampleMilliseconds = 100;
const mostLag = 100;
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

/** Bytes in the fullest receive queue of a UDP port, as /proc/net/udp has them; 0 where there is no such file. */
export function queuedBytes(port: number): number {
  let most = 0;
  for (const file of ['/proc/net/udp', '/proc/net/udp6']) most = Math.max(most, fullest(textOf(file), port));
  return most;
}

/** `sl local_address rem_address st tx_queue:rx_queue …`, numbers in hex. */
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
