import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TextChunks } from '#plan';

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
  if (!isFolder(folder))
    throw new UsageError(`\`${folder}\` is not a folder; name the one that holds rules/ and catalog/`);
  return new Map(walkPolicyFolder(folder).files.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Paths in the folder: of all policy texts, and of the folders where they may stand (`''`: its own). */
export function walkPolicyFolder(folder: string): { readonly files: string[]; readonly folders: string[] } {
  const files: string[] = [];
  const folders: string[] = [];
  const walk = (at: string): void => {
    folders.push(at);
    for (const entry of readdirSync(join(folder, at), { withFileTypes: true })) {
      const name = at === '' ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory() && !isForeign(name)) walk(name);
      if (entry.isFile() && isPolicyText(name)) files.push(name);
    }
  };
  walk('');
  return { files, folders };
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
  return readPolicyTree(revisionOf(place));
}

/** `repository`: a folder in it. */
export function readPolicyTree({ commit, prefix }: PolicyTree, repository = '.'): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const path of filesAt(commit, prefix === '' ? '.' : prefix, repository)) {
    const name = path.slice(prefix.length);
    if (!isPolicyText(name)) continue;
    const text = git('-C', repository, 'cat-file', 'blob', `${commit}:${path}`);
    if (text === null)
      throw new UsageError(`\`${path}\` of ${commit} can't be read: git refuses it, or it is above 64 MiB`);
    files.set(name, text);
  }
  return files;
}

/** Where a policy stands in git. `prefix` is its folder, with its `/`; empty for the root. */
export interface PolicyTree {
  readonly commit: string;
  readonly prefix: string;
}

/** What `readPolicyAt` takes for a revision. */
export function revisionOf(place: string): PolicyTree {
  const [revision = '', folder] = place.split(':');
  const commit = git('rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`)?.trim();
  if (!commit) throw new UsageError(`\`${place}\` is neither a folder nor a revision of a git repository here`);
  const inside = folder ?? (filesAt(commit, 'policies/').length > 0 ? 'policies' : '');
  return { commit, prefix: inside === '' ? '' : `${inside.replace(/\/+$/, '')}/` };
}

function filesAt(commit: string, at: string, repository = '.'): string[] {
  const list = git('-C', repository, 'ls-tree', '-r', '-z', '--name-only', '--full-tree', commit, '--', at) ?? '';
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
/** A text, and how people call it. */
export interface NamedText {
  readonly file: string;
  readonly text: TextChunks;
}

export const namedFile = (path: string): NamedText => ({ file: path, text: chunksOf(path) });

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
