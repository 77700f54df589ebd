import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
/** All that the specs of libraries read. */
const needed = ['libs', 'policies', 'test/property-seed.ts', 'package.json', 'tsconfig.json', 'vitest.config.ts'];

/** A copy of the sources in which faults are seeded; the working tree is never changed. */
export class ScratchTree {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static copy(): ScratchTree {
    // Without links in its own path, so that paths in the reports of tests begin with it.
    const path = realpathSync(mkdtempSync(join(tmpdir(), 'cordon-mutation-')));
    for (const name of needed) cpSync(join(root, name), join(path, name), { recursive: true });
    symlinkSync(realpathSync(join(root, 'node_modules')), join(path, 'node_modules'));
    return new ScratchTree(path);
  }

  /** Runs something while `find` of a file is `replace`. */
  async withChange<T>(file: string, find: string, replace: string, run: () => Promise<T>): Promise<T> {
    const path = join(this.path, file);
    const text = readFileSync(path, 'utf8');
    const [before = '', after, ...more] = text.split(find);
    if (after === undefined || more.length > 0)
      throw new Error(
        `\`${find}\` stands in ${file} ${more.length > 0 ? 'more than once' : 'nowhere'}: the code has moved on, update the list`,
      );
    writeFileSync(path, before + replace + after);
    try {
      return await run();
    } finally {
      writeFileSync(path, text);
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
