import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { mustRun } from './side.ts';

/** A process that plays switches and devices, and does one job at a time. */
export class Generator<Job, Outcome> {
  private readonly child: ChildProcess;

  /**
   * What it plays has processors of its own, so neither must wait for the other on this machine's few (sched(7)). A priority is not
   * enough: the kernel lets whoever runs finish its slice of some milliseconds.
   *
   * `idle`: load, which gets only what nobody else wants. `first`: what measures time, which goes before all others (SCHED_FIFO): else it would
   * measure how long it was kept waiting itself. It sleeps most of the time.
   */
  constructor(file: string, goes: 'idle' | 'first' | 'along' = 'along') {
    this.child = fork(join(import.meta.dirname, file));
    if (goes === 'along') return;
    const policy = goes === 'idle' ? ['--idle', '0'] : ['--fifo', '1'];
    mustRun('chrt', [policy[0]!, '--all-tasks', '--pid', policy[1]!, `${this.child.pid}`]);
  }

  async run(job: Job): Promise<Outcome> {
    const ended = new AbortController();
    const gone = (): void => ended.abort();
    this.child.once('exit', gone);
    this.child.send(job as object);
    try {
      const [outcome] = (await once(this.child, 'message', { signal: ended.signal })) as [Outcome];
      return outcome;
    } catch (error) {
      throw new Error('the load generator ended', { cause: error });
    } finally {
      this.child.off('exit', gone);
    }
  }

  close(): void {
    if (this.child.connected) this.child.disconnect();
  }
}
