import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { KeptPosition } from './kept-position.js';
import { UsageError } from './policy-files.js';
import type { Spool } from './ship.js';

/** Lines of the file, and where they end in it. */
export interface LineBatch {
  readonly text: string;
  readonly end: number;
}

interface Position {
  readonly inode: number;
  readonly offset: number;
}

const newline = 0x0a;

/**
 * Reads a log that somebody else writes and rotates, whole lines only, and keeps on disk how far it got. A file that was renamed is
 * read to its end before the new one is; one that was cut is read from its begin. After a restart, the renamed one is looked for under
 * the name that logrotate gives it, `FILE.1`.
 */
export class LineFile implements Spool<LineBatch> {
  private readonly position: KeptPosition;
  private descriptor: number | null = null;
  private offset = 0;

  constructor(
    private readonly path: string,
    positionPath: string,
  ) {
    this.position = new KeptPosition(positionPath);
  }

  next(mostBytes: number): LineBatch | null {
    this.descriptor ??= this.open();
    if (this.descriptor === null) return null;
    const { size, ino } = fstatSync(this.descriptor);
    if (size < this.offset) this.offset = 0;
    const batch = this.read(this.descriptor, Math.min(size - this.offset, mostBytes), mostBytes);
    if (batch) return batch;
    if (!existsSync(this.path) || statSync(this.path).ino === ino) return null;
    this.leave();
    return this.next(mostBytes);
  }

  confirm({ end }: LineBatch): void {
    this.offset = end;
    if (this.descriptor !== null) this.position.keep(fstatSync(this.descriptor).ino, end);
  }

  private read(descriptor: number, length: number, mostBytes: number): LineBatch | null {
    const bytes = Buffer.alloc(length);
    const count = readSync(descriptor, bytes, 0, length, this.offset);
    const last = bytes.subarray(0, count).lastIndexOf(newline);
    // no writer of lines writes such a long one: the rest of the log is worth more than this
    if (last < 0) return count < mostBytes ? null : { text: '\n', end: this.offset + count };
    return { text: bytes.toString('utf8', 0, last + 1), end: this.offset + last + 1 };
  }

  private open(): number | null {
    const kept = this.kept();
    for (const path of [this.path, `${this.path}.1`]) {
      if (kept && existsSync(path) && statSync(path).ino === kept.inode) {
        this.offset = kept.offset;
        return openSync(path, 'r');
      }
    }
    this.offset = 0;
    return existsSync(this.path) ? openSync(this.path, 'r') : null;
  }

  private leave(): void {
    closeSync(this.descriptor!);
    this.descriptor = openSync(this.path, 'r');
    this.offset = 0;
  }

  private kept(): Position | null {
    const words = this.position.read();
    if (!words) return null;
    const [inode, offset, ...more] = words.map(Number);
    if (more.length > 0 || !Number.isSafeInteger(inode) || !Number.isSafeInteger(offset))
      throw new UsageError(`${this.position.path} holds no position: delete it, and the whole log is sent`);
    return { inode: inode!, offset: offset! };
  }
}
