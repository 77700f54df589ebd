import { createHash } from 'node:crypto';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Git, type Environment } from './git.js';
import { parseLineOrigin, type LineOrigin } from './line-origin.js';
import { faultFromGit, showRepository, SourceFault } from './source-fault.js';

export interface PolicySourceOptions {
  /** Path or URL. */
  readonly repository: string;
  readonly branch: string;
  /** Folder of the bare mirror; made when missing. */
  readonly mirror: string;
  readonly environment: Environment;
  readonly timeoutSeconds: number;
  readonly limits: TreeLimits;
  /** Which paths (relative to the policy folder) are policy at all; the rest of the repository is not read. */
  readonly accept: (path: string) => boolean;
}

export interface TreeLimits {
  readonly files: number;
  readonly bytes: number;
}

export interface Commit {
  readonly commit: string;
  readonly author: string;
  readonly committedAt: string;
  readonly message: string;
}

interface TreeEntry {
  readonly mode: string;
  readonly object: string;
  readonly size: number;
  readonly path: string;
}

const commitForm = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/**
 * Reads a policy repository through a bare mirror: no work tree, no hook, no submodule, no filter of the repository ever
 * runs. The repository is hostile input: what it holds is bounded here and judged by libs/policy.
 *
 * It does not decide when to look (the controller does) nor what the files mean.
 */
export class PolicySource {
  private readonly git: Git;

  constructor(private readonly options: PolicySourceOptions) {
    const { repository, branch, mirror, environment, timeoutSeconds } = options;
    this.git = new Git(mirror, environment, timeoutSeconds);
    const hint = 'use a local path or an https:// or ssh:// URL, and a plain branch name such as `main`';
    if (repository.startsWith('-') || /^[a-z0-9+.-]+::/i.test(repository) || /^(http|git|ftps?):/i.test(repository))
      throw new SourceFault('repository-refused', `can't use the repository \`${showRepository(repository)}\``, hint);
    if (!/^[\w][\w./-]*$/.test(branch) || branch.includes('..') || branch.endsWith('.lock'))
      throw new SourceFault('branch-missing', `\`${branch}\` is not the name of a branch`, hint);
  }

  /** Brings the mirror up to date and answers with the newest commit of the branch. */
  async fetch(): Promise<Commit> {
    const { repository, branch } = this.options;
    await this.prepareMirror();
    const reference = `refs/heads/${branch}`;
    try {
      const options = ['--quiet', '--force', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head'];
      await this.git.text(['fetch', ...options, '--', repository, `+${reference}:${reference}`], { isRemote: true });
      const text = await this.git.text([
        'log',
        '-1',
        '--no-show-signature',
        '--format=%H%n%an <%ae>%n%cI%n%s',
        reference,
        '--',
      ]);
      const [commit = '', author = '', committedAt = '', message = ''] = text.split('\n');
      return {
        commit,
        author: author.slice(0, 200),
        committedAt: new Date(committedAt).toISOString(),
        message: message.slice(0, 200),
      };
    } catch (error) {
      throw faultFromGit(error, repository);
    }
  }

  /** The accepted files below `folder` at that commit: path relative to `folder` → text. */
  async readTree(commit: string, folder: string): Promise<Map<string, string>> {
    if (!commitForm.test(commit)) throw new Error('not a commit id');
    const prefix = folderPrefix(folder);
    const entries = await this.listTree(commit, prefix);
    if (entries.length === 0)
      throw new SourceFault(
        'folder-missing',
        `commit ${commit.slice(0, 12)} holds no policy files in \`${prefix || '.'}\``,
        'check CORDON_POLICY_PATH: it must be the folder that holds rules/, catalog/ and network/',
      );
    this.checkLimits(entries);
    const blobs = await this.readBlobs(entries);
    const files = entries.map(
      (entry) => [entry.path.slice(prefix.length), textOf(entry, blobs.get(entry.object))] as const,
    );
    return new Map(files.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Who wrote a line of the file as it was at that commit. Null when the mirror does not have it (any more). */
  async lineOrigin(commit: string, folder: string, file: string, line: number): Promise<LineOrigin | null> {
    if (!commitForm.test(commit) || !Number.isSafeInteger(line) || line < 1 || file.split('/').includes('..'))
      return null;
    const path = folderPrefix(folder) + file;
    try {
      const range = `${line},${line}`;
      return parseLineOrigin(await this.git.text(['blame', '--porcelain', '-L', range, commit, '--', path]));
    } catch {
      return null;
    }
  }

  private async prepareMirror(): Promise<void> {
    const { mirror, repository } = this.options;
    await mkdir(mirror, { recursive: true });
    const ready = await access(join(mirror, 'HEAD')).then(
      () => true,
      () => false,
    );
    if (ready) return;
    try {
      await this.git.text(['init', '--quiet', '--bare', '--template=', '.']);
    } catch (error) {
      throw faultFromGit(error, repository);
    }
  }

  private async listTree(commit: string, prefix: string): Promise<TreeEntry[]> {
    let listing: string;
    try {
      const below = prefix ? ['--', prefix] : [];
      listing = await this.git.text(['ls-tree', '-r', '-z', '-l', '--full-tree', commit, ...below]);
    } catch (error) {
      throw faultFromGit(error, this.options.repository);
    }
    return listing
      .split('\0')
      .flatMap((record) => {
        const match = /^(\d{6}) (\w+) ([0-9a-f]+) +(\d+|-)\t(.*)$/s.exec(record);
        if (!match) return [];
        const [, mode = '', , object = '', size = '', path = ''] = match;
        return [{ mode, object, size: size === '-' ? 0 : Number(size), path }];
      })
      .filter(({ path }) => path.startsWith(prefix) && this.options.accept(path.slice(prefix.length)));
  }

  private checkLimits(entries: readonly TreeEntry[]): void {
    const { limits } = this.options;
    const odd = entries.find(({ mode }) => mode !== '100644' && mode !== '100755');
    if (odd)
      throw new SourceFault(
        'not-a-file',
        `\`${shownPath(odd.path)}\` is a ${odd.mode === '160000' ? 'submodule' : 'symbolic link'}`,
        'a policy consists of regular files: put the text itself there',
      );
    if (entries.length > limits.files)
      throw new SourceFault(
        'too-many-files',
        `the policy has ${entries.length} files, more than ${limits.files}`,
        'merge files, or point CORDON_POLICY_PATH at the policy folder only',
      );
    const bytes = entries.reduce((sum, { size }) => sum + size, 0);
    if (bytes > limits.bytes)
      throw new SourceFault(
        'too-large',
        `the policy has ${bytes} bytes, more than ${limits.bytes}`,
        'remove what is not policy, or point CORDON_POLICY_PATH at the policy folder only',
      );
  }

  /** All of them by one process. A file that was given wrongly is missing. */
  private async readBlobs(entries: readonly TreeEntry[]): Promise<Map<string, Buffer>> {
    const names = [...new Set(entries.map(({ object }) => object))];
    try {
      return parseBatch(
        await this.git.bytes(['cat-file', '--batch'], { input: names.map((name) => `${name}\n`).join('') }),
      );
    } catch (error) {
      throw faultFromGit(error, this.options.repository);
    }
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
      `git gave other bytes than those of \`${shownPath(path)}\` (${object.slice(0, 12)})`,
      'the controller tries again by itself; if it stays so, delete the mirror in its data folder',
    );
  try {
    if (bytes.includes(0)) throw new TypeError('NUL');
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new SourceFault('not-text', `\`${shownPath(path)}\` is not UTF-8 text`, 'save the file as UTF-8 text');
  }
}

/** As git itself names what it keeps: by SHA-1 or SHA-256 of kind, length and bytes. */
const isObject = (bytes: Buffer, name: string): boolean =>
  createHash(name.length === 40 ? 'sha1' : 'sha256')
    .update(`blob ${bytes.length}\0`)
    .update(bytes)
    .digest('hex') === name;

/** `./policies/` → `policies/`; `.` → ``. A folder outside the repository is a mistake in the configuration. */
function folderPrefix(folder: string): string {
  const parts = folder.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..'))
    throw new SourceFault(
      'folder-missing',
      `\`${folder}\` is not a folder of the repository`,
      'write the folder from the top of the repository, without `..`',
    );
  return parts.map((part) => `${part}/`).join('');
}

/** File names are hostile too: no control characters reach a terminal. */
function shownPath(path: string): string {
  // oxlint-disable-next-line no-control-regex
  return path.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, 200);
}
