import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { mustRun } from './side.ts';

/** A process that plays switches and devices, and does one job at a time. */
export class Generator<Job, Outcome> {
  private readonly child: ChildProcess;

  /**
   * `isElsewhere`: what it plays has processors of its own, so it gets only what nobody else wants (SCHED_IDLE, sched(7)). A low priority
   * is not enough: the kernel lets whoever runs finish its slice of some milliseconds, and the server would wait for it.
   */
  constructor(file: string, isElsewhere = false) {
    this.child = fork(join(import.meta.dirname, file));
    if (isElsewhere) mustRun('chrt', ['--idle', '--all-tasks', '--pid', '0', `${this.child.pid}`]);
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
