import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Answers, Order } from './switches.ts';

interface Answer {
  readonly id: number;
  readonly answer?: unknown;
  readonly problem?: string;
}

/** The process that plays all switches. */
export class SwitchProcess {
  private readonly child: ChildProcess = fork(join(import.meta.dirname, 'switches.ts'));
  private readonly open = new Map<number, PromiseWithResolvers<unknown>>();
  private last = 0;

  constructor() {
    this.child.on('message', ({ id, answer, problem }: Answer) => {
      const waiting = this.open.get(id);
      this.open.delete(id);
      if (problem === undefined) waiting?.resolve(answer);
      else waiting?.reject(new Error(problem));
    });
    this.child.on('exit', () => {
      for (const waiting of this.open.values()) waiting.reject(new Error('the switches ended'));
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  ask<Of extends Order>(order: Of): Promise<Answers[Of['do']]> {
    const id = ++this.last;
    const waiting = Promise.withResolvers<unknown>();
    this.open.set(id, waiting);
    this.child.send({ id, order });
    return waiting.promise as Promise<Answers[Of['do']]>;
  }

  close(): void {
    if (this.child.connected) this.child.disconnect();
  }
}
