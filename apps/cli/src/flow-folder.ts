import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readFlowPieces, type FlowLines } from './flow-lines.js';
import { KeptPosition } from './kept-position.js';
import { chunksOf, UsageError } from './policy-files.js';
import type { Spool } from './ship.js';

/** A piece of a file. */
export interface FolderBatch extends FlowLines {
  readonly name: string;
  /** How many pieces of the file are done with it. */
  readonly done: number;
}

/**
 * Files that come into a folder, each whole and never changed, in the order of their names: what comes under an earlier name than the last one
 * that was sent is not seen. A file that is being written has a name that begins with a dot.
 */
export class FlowFolder implements Spool<FolderBatch> {
  private readonly position: KeptPosition;
  private name = '';
  private done = 0;
  private pieces: readonly FlowLines[] | null = null;

  constructor(
    private readonly folder: string,
    positionPath: string,
  ) {
    if (!existsSync(folder)) throw new UsageError(`${folder} is not there: name the folder that the files come into`);
    this.position = new KeptPosition(positionPath);
    const kept = this.position.read();
    if (kept) [this.name, this.done] = nameAndCount(kept, positionPath);
  }

  next(mostBytes: number): FolderBatch | null {
    for (;;) {
      if (this.pieces === null) {
        const names = this.names();
        const name =
          names.find((each) => each === this.name && this.done < whole) ?? names.find((each) => each > this.name);
        if (name === undefined) return null;
        if (name !== this.name) [this.name, this.done] = [name, 0];
        this.pieces = this.read(name, mostBytes);
      }
      const piece = this.pieces[this.done];
      const { name, done } = this;
      if (piece) return { ...piece, name, done: done + 1 };
      this.leave();
    }
  }

  confirm({ done }: FolderBatch): void {
    this.done = done;
    if (done === this.pieces?.length) this.leave();
    else this.keep();
  }

  private leave(): void {
    this.pieces = null;
    this.done = whole;
    this.keep();
  }

  private keep(): void {
    this.position.keep(encodeURIComponent(this.name), this.done === whole ? 'whole' : this.done);
  }

  private names(): string[] {
    const entries = readdirSync(this.folder, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isFile() && !entry.name.startsWith('.') ? [entry.name] : [])).sort();
  }

  private read(name: string, mostBytes: number): readonly FlowLines[] {
    const path = join(this.folder, name);
    const pieces = readFlowPieces(chunksOf(path), path, mostBytes);
    if (!pieces) process.stderr.write(`${path} is left out: its first line tells no known format of flows\n`);
    return pieces ?? [{ text: '', ignored: 0, malformed: 1 }];
  }
}

/** More pieces than any file has. */
const whole = Number.MAX_SAFE_INTEGER;

function nameAndCount(words: readonly string[], path: string): [string, number] {
  const [name = '', count = ''] = words;
  if (words.length !== 2 || !/^(whole|\d{1,9})$/.test(count))
    throw new UsageError(`${path} holds no position: delete it, and the whole folder is sent`);
  return [decodeURIComponent(name), count === 'whole' ? whole : Number(count)];
}
