import { chmodSync, existsSync, mkdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UsageError } from './policy-files.js';

interface Staged {
  readonly path: string;
  readonly fresh: string;
}

/**
 * Writes files of a policy folder: path in it → text. All of them are on disk before the first takes its place, so that a
 * full disk or a missing right changes nothing. A link stays a link: what it leads to is written.
 */
export function writePolicyFiles(folder: string, files: ReadonlyMap<string, string>): void {
  const staged: Staged[] = [];
  try {
    for (const [file, text] of files) staged.push(stage(join(folder, file), text));
    for (const { path, fresh } of staged) renameSync(fresh, path);
  } catch (error) {
    for (const { fresh } of staged) rmSync(fresh, { force: true });
    if (error instanceof Error && 'code' in error) throw new UsageError(`can not write: ${error.message}`);
    throw error;
  }
}

function stage(place: string, text: string): Staged {
  mkdirSync(dirname(place), { recursive: true });
  const path = existsSync(place) ? realpathSync(place) : place;
  const fresh = `${path}.cordon-new`;
  writeFileSync(fresh, text, { flag: 'wx' });
  if (existsSync(path)) chmodSync(fresh, statSync(path).mode);
  return { path, fresh };
}
