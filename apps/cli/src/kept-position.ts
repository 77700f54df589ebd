import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

/** How far somebody got, as words in a file of one line. Written beside and renamed: there is a whole one at any time. */
export class KeptPosition {
  constructor(readonly path: string) {}

  /** Null: there is none. */
  read(): readonly string[] | null {
    return existsSync(this.path) ? readFileSync(this.path, 'utf8').trim().split(' ') : null;
  }

  keep(...words: readonly (string | number)[]): void {
    const fresh = `${this.path}.new`;
    const descriptor = openSync(fresh, 'w', 0o600);
    writeSync(descriptor, `${words.join(' ')}\n`);
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(fresh, this.path);
  }
}
