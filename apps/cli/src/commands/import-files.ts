import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bold, green, print } from '../output.js';
import { UsageError } from '../policy-files.js';

/* What importers have in common: files that they read, and new files of a policy. */

export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new UsageError(`\`${file}\` can't be read (${why})`);
  }
}

/** `KEY=NAME`, cut at the last `=`: names have none, URIs may. */
export function readPairs(option: string, texts: readonly string[]): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const text of texts) {
    const at = text.lastIndexOf('=');
    const [key, name] = [text.slice(0, at), text.slice(at + 1)];
    if (at < 1 || name === '') throw new UsageError(`--${option}: write \`${text}\` as KEY=NAME`);
    if (pairs.has(key)) throw new UsageError(`--${option}: \`${key}\` is named twice`);
    pairs.set(key, name);
  }
  return pairs;
}

/** Never over a file that is there. */
export function writeNewFiles(folder: string, files: ReadonlyMap<string, string>): void {
  if (!existsSync(join(folder, 'rules')) && !existsSync(join(folder, 'catalog')))
    throw new UsageError(`\`${folder}\` is no policy folder: it has neither rules/ nor catalog/`);
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { flag: 'wx' });
  }
}

/** As a unified diff shows a file that is new. */
export function printNewFile(path: string, text: string): void {
  const lines = text.replace(/\n$/, '').split('\n');
  print(bold(`--- /dev/null\n+++ b/${path}`));
  print(`@@ -0,0 +1,${lines.length} @@`);
  for (const line of lines) print(green(`+${line}`));
}
