import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { tableId } from './commands.js';

/**
 * The kernel tells of deleted tables, so this says nothing while members come and go. It ends with its standard input, also behind a login that
 * broke, where a program that only listens would stay for ever.
 */
export const tellDeletions = 'exec 3<&0; (cat <&3 >/dev/null; kill $$) & exec nft monitor destroy tables 3<&-';

const ours = `delete table ${tableId.family} ${tableId.table}`;
const againMilliseconds = 3000;

/** Runs `tellDeletions`, and again when it ended: what happened meanwhile nobody has told, so that counts as a loss. */
export class TableWatch {
  private child: ChildProcess | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isOver = false;

  constructor(
    private readonly words: () => Promise<readonly string[]>,
    private readonly onLost: () => void,
  ) {
    void this.begin();
  }

  stop(): void {
    this.isOver = true;
    if (this.timer) clearTimeout(this.timer);
    this.child?.stdin?.end();
  }

  private async begin(): Promise<void> {
    try {
      const [program = '', ...args] = await this.words();
      if (!this.isOver) this.listen(spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], shell: false }));
    } catch {
      // A target that can't be meant: whoever reads it says so.
    }
  }

  private listen(child: ChildProcess): void {
    this.child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line.trim() === ours) this.onLost();
    });
    child.stdin!.on('error', () => undefined);
    child.once('error', () => undefined);
    child.once('close', () => {
      if (this.isOver) return;
      this.timer = setTimeout(() => void this.begin(), againMilliseconds).unref();
      this.onLost();
    });
  }
}
