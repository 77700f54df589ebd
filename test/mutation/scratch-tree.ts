import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '../..');
/** All that the specs of libraries read. */
const ofLibraries = ['libs', 'policies', 'test/property-seed.ts', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
/** What the tests of bridge and controller, and the build, need besides. */
const ofApps = [
  'apps',
  'test/handovers.spec.ts',
  'test/conformance',
  'test/e2e/build.ts',
  'test/e2e/tiny-policy.ts',
  'tsconfig.build.json',
  'nest-cli.json',
  'dist',
];

/** A copy of the sources in which faults are seeded; the working tree is never changed. */
export class ScratchTree {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static copy(): ScratchTree {
    // Without links in its own path, so that paths in the reports of tests begin with it.
    const path = realpathSync(mkdtempSync(join(tmpdir(), 'cordon-mutation-')));
    // A build to begin with makes the first one short.
    for (const name of [...ofLibraries, ...ofApps])
      if (existsSync(join(root, name))) cpSync(join(root, name), join(path, name), { recursive: true });
    symlinkSync(realpathSync(join(root, 'node_modules')), join(path, 'node_modules'));
    return new ScratchTree(path);
  }

  /**
   * Builds the bridge, and then translates these files as a change of them would be: so the tests that run without a fault show
   * that it is not the translation that they fail by later.
   */
  build(files: Iterable<string>): void {
    const nest = join(this.path, 'node_modules/@nestjs/cli/bin/nest.js');
    const done = spawnSync(process.execPath, [nest, 'build'], { cwd: this.path, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`the build failed:\n${done.stdout}${done.stderr}`);
    for (const file of files) this.write(file, readFileSync(join(this.path, file), 'utf8'));
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
    this.write(file, before + replace + after);
    try {
      return await run();
    } finally {
      this.write(file, text);
    }
  }

  /** The source, and what the build has of it: one file is translated in no time, without a look at its types. */
  private write(file: string, text: string): void {
    writeFileSync(join(this.path, file), text);
    const built = join(this.path, 'dist', file.replace(/\.ts$/, '.js'));
    if (existsSync(built))
      writeFileSync(built, ts.transpileModule(text, { compilerOptions: buildOptions() }).outputText);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function buildOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.build.json'), (path) => ts.sys.readFile(path)) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  // `nodenext` would ask package.json which kind of module it is, and a text alone has none.
  return { ...options, module: ts.ModuleKind.ESNext, sourceMap: false };
}
