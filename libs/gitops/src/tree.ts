import { createHash } from 'node:crypto';
import { ProgramFailed } from '#programs';
import type { Git } from './git.js';
import { printable } from './printable.js';
import { faultFromGit, SourceFault } from './source-fault.js';

export interface TreeLimits {
  readonly files: number;
  /** Of all files of the policy together, and so of one. */
  readonly bytes: number;
}

export interface TreeOptions {
  readonly repository: string;
  readonly limits: TreeLimits;
  /** Which paths (relative to the policy folder) are policy at all; the rest of the repository is not read. */
  readonly accept: (path: string) => boolean;
}

interface TreeEntry {
  readonly mode: string;
  readonly object: string;
  /** Null: it was not fetched. */
  readonly size: number | null;
  /** As text; characters that it must not have are still in it. */
  readonly path: string;
  readonly isUtf8: boolean;
}

/** Bytes that git may say of all files of a commit, 100,000 of them with ease. */
const mostListing = 32 * 1024 * 1024;
const longestPath = 400;

/** The accepted files below `prefix` at that commit: path relative to it → text. */
export async function readTree(
  git: Git,
  commit: string,
  prefix: string,
  options: TreeOptions,
): Promise<Map<string, string>> {
  const all = await listTree(git, commit, prefix, options);
  // Of a name that nobody can read, the form counts that people see.
  const entries = all.filter(({ path }) => options.accept(printable(path.slice(prefix.length), Infinity)));
  if (entries.length === 0)
    throw new SourceFault(
      'folder-missing',
      `commit ${commit.slice(0, 12)} holds no policy files in \`${prefix || '.'}\``,
      'check CORDON_POLICY_PATH: it must be the folder that holds rules/, catalog/ and network/',
    );
  checkKinds(entries);
  checkNames(entries, all);
  checkLimits(entries, options.limits);
  const blobs = await readBlobs(git, entries, options);
  const files = entries.map(
    (entry) => [entry.path.slice(prefix.length), textOf(entry, blobs.get(entry.object))] as const,
  );
  return new Map(files.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** `./policies/` → `policies/`; `.` → ``. A folder outside the repository is a mistake in the configuration. */
export function folderPrefix(folder: string): string {
  const parts = folder.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..'))
    throw new SourceFault(
      'folder-missing',
      `\`${folder}\` is not a folder of the repository`,
      'write the folder from the top of the repository, without `..`',
    );
  return parts.map((part) => `${part}/`).join('');
}

async function listTree(
  git: Git,
  commit: string,
  prefix: string,
  { repository }: Pick<TreeOptions, 'repository'>,
): Promise<TreeEntry[]> {
  let listing: Buffer;
  try {
    const below = prefix ? ['--', prefix] : [];
    const args = ['ls-tree', '-r', '-z', '-l', '--full-tree', commit, ...below];
    listing = await git.bytes(args, { mostOutput: mostListing });
  } catch (error) {
    if (error instanceof ProgramFailed && error.fault === 'too-much')
      throw new SourceFault(
        'too-many-files',
        `the names of all files of commit ${commit.slice(0, 12)} have more than ${mostListing} bytes`,
        'keep the policy in a repository of its own, or point CORDON_POLICY_PATH at the policy folder only',
      );
    throw faultFromGit(error, repository);
  }
  return listing
    .toString('latin1')
    .split('\0')
    .flatMap((record) => {
      const match = /^(\d{6}) (\w+) ([0-9a-f]+) +(\d+|-|BAD)\t(.*)$/s.exec(record);
      if (!match) return [];
      const [, mode = '', , object = '', size = '', name = ''] = match;
      const bytes = Buffer.from(name, 'latin1');
      const path = bytes.toString('utf8');
      const isUtf8 = bytes.equals(Buffer.from(path, 'utf8'));
      return [{ mode, object, size: size === 'BAD' ? null : size === '-' ? 0 : Number(size), path, isUtf8 }];
    })
    .filter(({ path }) => path.startsWith(prefix));
}

function checkKinds(entries: readonly TreeEntry[]): void {
  const odd = entries.find(({ mode }) => mode !== '100644' && mode !== '100755');
  if (!odd) return;
  throw new SourceFault(
    'not-a-file',
    `\`${printable(odd.path)}\` is a ${odd.mode === '160000' ? 'submodule' : 'symbolic link'}`,
    'a policy consists of regular files: put the text itself there',
  );
}

/** INVARIANT: a path names one file here and on every machine that people look at the policy with. */
function checkNames(entries: readonly TreeEntry[], all: readonly TreeEntry[]): void {
  for (const { path, isUtf8 } of entries) {
    const fault = nameFault(path, isUtf8);
    if (fault !== null)
      throw new SourceFault(
        'path-refused',
        `\`${printable(path)}\` ${fault}`,
        'rename the file: names of a policy are plain text, and lead nowhere else',
      );
  }
  const policy = new Set(entries);
  const seen = new Map<string, TreeEntry>();
  for (const entry of all) {
    const key = entry.path.normalize('NFKC').toLowerCase();
    const other = seen.get(key);
    if (other && (policy.has(entry) || policy.has(other)))
      throw new SourceFault(
        'path-refused',
        other.path === entry.path
          ? `\`${printable(entry.path)}\` stands twice in its folder`
          : `\`${printable(other.path)}\` and \`${printable(entry.path)}\` differ in the case or form of letters only`,
        'rename one of them: on some machines people would see one file in place of the other',
      );
    seen.set(key, entry);
  }
}

function nameFault(path: string, isUtf8: boolean): string | null {
  if (!isUtf8) return 'has a name that is not UTF-8';
  if (printable(path, Infinity) !== path) return 'has control characters in its name';
  if (path.length > longestPath) return `has a path of more than ${longestPath} characters`;
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..' || /^\.git$/i.test(part)))
    return 'leads out of its folder, or into that of git';
  return path.includes('\\') ? 'has a backslash in its name' : null;
}

function checkLimits(entries: readonly TreeEntry[], limits: TreeLimits): void {
  if (entries.length > limits.files)
    throw new SourceFault(
      'too-many-files',
      `the policy has ${entries.length} files, more than ${limits.files}`,
      'merge files, or point CORDON_POLICY_PATH at the policy folder only',
    );
  const large = entries.find(({ size }) => size === null || size > limits.bytes);
  if (large)
    throw new SourceFault(
      'too-large',
      `\`${printable(large.path)}\` has ${large.size === null ? 'not been fetched: it has ' : ''}more than ${limits.bytes} bytes`,
      'remove what is not policy; if the file is small, delete the mirror (`controller/policy.git` in the data folder)',
    );
  const bytes = entries.reduce((sum, { size }) => sum + (size ?? 0), 0);
  if (bytes > limits.bytes)
    throw new SourceFault(
      'too-large',
      `the policy has ${bytes} bytes, more than ${limits.bytes}`,
      'remove what is not policy, or point CORDON_POLICY_PATH at the policy folder only',
    );
}

/** All of them by one process. A file that was given wrongly is missing. */
async function readBlobs(
  git: Git,
  entries: readonly TreeEntry[],
  { repository, limits }: TreeOptions,
): Promise<Map<string, Buffer>> {
  const names = [...new Set(entries.map(({ object }) => object))];
  const input = names.map((name) => `${name}\n`).join('');
  try {
    const mostOutput = limits.bytes + 100 * names.length;
    return parseBatch(await git.bytes(['cat-file', '--batch'], { input, mostOutput }));
  } catch (error) {
    throw faultFromGit(error, repository);
  }
}

/** `<object> blob <size>`, a line feed, the bytes, and a line feed again, for each object. */
function parseBatch(output: Buffer): Map<string, Buffer> {
  const blobs = new Map<string, Buffer>();
  for (let at = 0; at < output.length;) {
    const end = output.indexOf(0x0a, at);
    const head = /^([0-9a-f]+) blob (\d+)$/.exec(output.toString('latin1', at, end < 0 ? at : end));
    if (!head) break;
    const [, object = '', size] = head;
    const bytes = output.subarray(end + 1, end + 1 + Number(size));
    // A file that lost its end could still be a policy, and another one.
    if (isObject(bytes, object)) blobs.set(object, bytes);
    at = end + 2 + Number(size);
  }
  return blobs;
}

function textOf({ path, object }: TreeEntry, bytes: Buffer | undefined): string {
  if (!bytes)
    throw new SourceFault(
      'git-failed',
      `git gave other bytes than those of \`${printable(path)}\` (${object.slice(0, 12)})`,
      'the controller tries again by itself; if it stays so, delete the mirror in its data folder',
    );
  let text: string;
  try {
    if (bytes.includes(0)) throw new TypeError('NUL');
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new SourceFault('not-text', `\`${printable(path)}\` is not UTF-8 text`, 'save the file as UTF-8 text');
  }
  if (/^version https:\/\/git-lfs\.github\.com\/spec\/v\d/.test(text))
    throw new SourceFault(
      'lfs-pointer',
      `\`${printable(path)}\` is a pointer of git-LFS, and its text stands elsewhere`,
      'policy must be text in the repository: run `git lfs untrack` on it, and `git add --renormalize`',
    );
  return text;
}

/** As git itself names what it keeps: by SHA-1 or SHA-256 of kind, length and bytes. */
const isObject = (bytes: Buffer, name: string): boolean =>
  createHash(name.length === 40 ? 'sha1' : 'sha256')
    .update(`blob ${bytes.length}\0`)
    .update(bytes)
    .digest('hex') === name;
