import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A process inside a namespace that sends packets and answers them. */
export class Agent {
  private readonly child: ChildProcess;
  private readonly pending = new Map<number, (answer: Answer) => void>();
  private last = 0;

  constructor(namespace: string) {
    const script = join(import.meta.dirname, '../e2e/packet-agent.ts');
    this.child = spawn('ip', ['netns', 'exec', namespace, process.execPath, script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      this.pending.get(answer.id)?.(answer);
      this.pending.delete(answer.id);
    });
  }

  async ask<T>(op: 'listen' | 'send' | 'open' | 'echo' | 'close', order: object): Promise<T> {
    const id = ++this.last;
    const answer = await new Promise<Answer>((resolve) => {
      this.pending.set(id, resolve);
      this.child.stdin!.write(`${JSON.stringify({ id, op, ...order })}\n`);
    });
    if (answer.error !== undefined) throw new Error(`${op}: ${answer.error}`);
    return answer.value as T;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  stop(): void {
    this.child.stdin!.end();
  }
}
