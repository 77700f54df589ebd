import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** A mistake in how the command was called: shown without a stack, exit code 1. */
export class UsageError extends Error {}

/**
 * INVARIANT: all that a controller reads (`isPolicyFile` there) is among them, and more, so that what is misplaced is reported. A folder that
 * only we leave out would be a place for rules that no plan shows.
 */
const isPolicyText = (path: string): boolean => /\.(csv|ya?ml|conf|md)$/.test(path) && !isForeign(path);

/** What lies beside a policy that is the root of its repository. */
const isForeign = (path: string): boolean => /^(node_modules|\.git)(\/|$)/.test(path);

/** All policy texts of a folder by their path in it. */
export function readPolicyFolder(folder: string): ReadonlyMap<string, string> {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new UsageError(`\`${folder}\` is not a folder; name the one that holds rules/ and catalog/`);
  }
  const files = new Map<string, string>();
  const walk = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      const name = relative(folder, path).split(sep).join('/');
      if (entry.isDirectory() && !isForeign(name)) walk(path);
      if (entry.isFile() && isPolicyText(name)) files.set(name, readFileSync(path, 'utf8'));
    }
  };
  walk(folder);
  return files;
}

/**
 * A folder, or a revision of the git repository we are in: `HEAD~1`, or `HEAD~1:policies` with the folder inside it
 * (default: `policies` where the revision has one, else its root).
 */
export function readPolicyAt(place: string): ReadonlyMap<string, string> {
  return existsSync(place) ? readPolicyFolder(place) : readPolicyRevision(place);
}

/** A revision, whatever folder has its name: who changes the folder must not choose what is read. */
export function readPolicyRevision(place: string): ReadonlyMap<string, string> {
  const { commit, prefix } = revisionOf(place);
  const files = new Map<string, string>();
  for (const path of filesAt(commit, prefix === '' ? '.' : prefix)) {
    const name = path.slice(prefix.length);
    if (!isPolicyText(name)) continue;
    const text = git('cat-file', 'blob', `${commit}:${path}`);
    if (text === null)
      throw new UsageError(`\`${path}\` of ${place} can't be read: git refuses it, or it is above 64 MiB`);
    files.set(name, text);
  }
  return files;
}

/** What `readPolicyAt` takes for a revision. `prefix` is the folder inside it, with its `/`; empty for the root. */
export function revisionOf(place: string): { readonly commit: string; readonly prefix: string } {
  const [revision = '', folder] = place.split(':');
  const commit = git('rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`)?.trim();
  if (!commit) throw new UsageError(`\`${place}\` is neither a folder nor a revision of a git repository here`);
  const inside = folder ?? (filesAt(commit, 'policies/').length > 0 ? 'policies' : '');
  return { commit, prefix: inside === '' ? '' : `${inside.replace(/\/+$/, '')}/` };
}

function filesAt(commit: string, at: string): string[] {
  const list = git('ls-tree', '-r', '-z', '--name-only', '--full-tree', commit, '--', at) ?? '';
  return list.split('\0').filter(Boolean);
}

/** Null when git fails, or isn't there. */
export function git(...args: string[]): string | null {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 << 20 });
  } catch {
    return null;
  }
}

const chunkBytes = 1 << 18;

/** A file piece by piece: observed flows of a month need not fit into memory. */
export function* chunksOf(path: string): Generator<Uint8Array> {
  const file = openFile(path);
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) yield buffer.subarray(0, read);
  } finally {
    closeSync(file);
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new UsageError(`\`${path}\` can't be read (${why})`);
  }
}
