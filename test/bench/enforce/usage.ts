import { readFileSync, writeFileSync } from 'node:fs';
import { childrenOf, cpuSeconds } from '../radius/process-tree.ts';

export const parts = ['controller', 'bridge', 'switches'] as const;
export type Part = (typeof parts)[number];

export interface Usage {
  readonly cpuSeconds: number;
  /** Resident, the most at any moment, children included as if all had their most at once. */
  readonly peakMegabytes: number;
}

function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    // A child that ended meanwhile.
    return 0;
  }
}

/** What the processes used since this was made. The firewalls' work that the controller starts is its own: nft and conntrack are its children. */
export class UsageMeter {
  private readonly before: Readonly<Record<Part, number>>;
  private readonly pids: Readonly<Record<Part, number>>;

  constructor(pids: Readonly<Record<Part, number>>) {
    this.pids = pids;
    for (const part of parts) for (const pid of [pids[part], ...childrenOf(pids[part])]) forgetPeak(pid);
    this.before = this.cpu();
  }

  read(): Record<Part, Usage> {
    const now = this.cpu();
    const usage = (part: Part): Usage => ({
      cpuSeconds: now[part] - this.before[part],
      peakMegabytes: [this.pids[part], ...childrenOf(this.pids[part])].reduce((sum, pid) => sum + peakOf(pid), 0),
    });
    return { controller: usage('controller'), bridge: usage('bridge'), switches: usage('switches') };
  }

  private cpu(): Record<Part, number> {
    const { controller, bridge, switches } = this.pids;
    return { controller: cpuSeconds([controller]), bridge: cpuSeconds([bridge]), switches: cpuSeconds([switches]) };
  }
}

/** proc(5): the peak begins anew at what is resident now. */
function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // It ended meanwhile, or is not ours to write: the peak is then that of its whole life.
  }
}
