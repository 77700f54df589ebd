import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { join } from 'node:path';

/** A process that plays switches and devices, and does one job at a time. */
export class Generator<Job, Outcome> {
  private readonly child: ChildProcess;

  /** `niceness`: devices have processors of their own, so theirs must not be taken from the server. */
  constructor(file: string, niceness = 0) {
    this.child = fork(join(import.meta.dirname, file));
    if (niceness > 0) setPriority(this.child.pid!, niceness);
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
