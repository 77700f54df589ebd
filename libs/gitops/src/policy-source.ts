import { accessForGit, type Access } from './access.js';
import type { Environment } from './git.js';
import { parseLineOrigin, type LineOrigin } from './line-origin.js';
import { head as fetchedHead, Mirror } from './mirror.js';
import { OwnedChanges } from './owned-changes.js';
import { Owners } from './owners.js';
import { checkReference, type Reference } from './reference.js';
import { printable } from './printable.js';
import { Signatures, type Signer, type Trust } from './signatures.js';
import { faultFromGit, showRepository, SourceFault } from './source-fault.js';
import { folderPrefix, readTree, type TreeLimits } from './tree.js';

export interface PolicySourceOptions {
  /** Path or URL. */
  readonly repository: string;
  readonly reference: Reference;
  /** Folder of the bare mirror; made when missing. */
  readonly mirror: string;
  readonly access: Access;
  readonly environment: Environment;
  readonly timeoutSeconds: number;
  readonly limits: SourceLimits;
  /** Null: whoever may push makes policy. */
  readonly trust: Trust | null;
  /** Which paths (relative to the policy folder) are policy at all; the rest of the repository is not read. */
  readonly accept: (path: string) => boolean;
}

export interface SourceLimits extends TreeLimits {
  /** Bytes of the mirror, packed; and for a moment the same again. */
  readonly repositoryBytes: number;
  /** Bytes that one process of git may have in memory. */
  readonly memoryBytes: number;
}

export interface Commit {
  readonly commit: string;
  readonly author: string;
  readonly committedAt: string;
  readonly message: string;
  /** The tag that it was taken by; null for a branch. */
  readonly tag: { readonly name: string; readonly object: string } | null;
  /** Who stands for it by what its message says, which anybody can write. */
  readonly claims: readonly Claim[];
  /** The commit in force is not among its ancestors: history was rewritten, or went back. */
  readonly rewritten: boolean;
}

export interface Claim {
  readonly trailer: string;
  readonly name: string;
}

const claimTrailers = ['Approved-by', 'Reviewed-by'] as const;
/** More than so many stand for nothing. */
const mostClaims = 20;

const commitForm = /^[0-9a-f]{40}([0-9a-f]{24})?$/;
/** Bytes of a commit or a tag, with its message. */
const longestMessage = 1024 * 1024;

/**
 * Reads a policy repository through a mirror. The repository is hostile input: what it holds is bounded here and judged by
 * libs/policy.
 *
 * It does not decide when to look (the controller does) nor what the files mean.
 */
export class PolicySource {
  private readonly mirror: Mirror;
  private readonly signatures: Signatures | null;

  constructor(private readonly options: PolicySourceOptions) {
    const { repository, reference, mirror, environment, timeoutSeconds, limits, trust, access } = options;
    if (repository.startsWith('-') || /^[a-z0-9+.-]+::/i.test(repository) || /^(http|git|ftps?):/i.test(repository))
      throw new SourceFault(
        'repository-refused',
        `can't use the repository \`${showRepository(repository)}\``,
        'use a local path or an https:// or ssh:// URL',
      );
    checkReference(reference);
    this.mirror = new Mirror({
      repository,
      reference,
      folder: mirror,
      environment,
      timeoutSeconds,
      ...accessForGit(access, repository),
      limits: { ...limits, fileBytes: limits.bytes },
    });
    this.signatures = trust && new Signatures(this.mirror.gitOptions, trust);
  }

  /** Brings the mirror up to date and answers with the newest commit. `inForce` is the commit to compare it with. */
  async fetch(inForce: string | null): Promise<Commit> {
    const tag = await this.mirror.fetch();
    const objects = await this.headObjects();
    const { commit } = objects;
    const claims = `%(trailers:${claimTrailers.map((name) => `key=${name}`).join(',')},unfold=true)`;
    const format = `--format=%an <%ae>%n%ct%n%s%n${claims}`;
    const log = ['log', '-1', '--no-show-signature', format, commit, '--'];
    const [author = '', time = '', message = '', ...trailers] = (await this.local(log)).split('\n');
    const committedAt = new Date(Number(time) * 1000);
    if (!Number.isSafeInteger(Number(time)) || Number.isNaN(committedAt.getTime()))
      throw new SourceFault('bad-object', `commit ${commit.slice(0, 12)} has no date`, 'make the commit anew with git');
    return {
      commit,
      author: printable(author),
      committedAt: committedAt.toISOString(),
      message: printable(message),
      tag: tag === null ? null : { name: tag, object: objects.head },
      claims: claimsOf(trailers),
      rewritten: inForce !== null && !(await this.isAncestor(inForce, commit)),
    };
  }

  /**
   * Whether the commit is signed, and its changes since the one in force by owners. Answers with who signed it, or its tag; null: nobody has
   * to. Throws SourceFault if not.
   */
  async verify({ commit, tag }: Commit, inForce: string | null, folder: string): Promise<string | null> {
    const { signatures } = this;
    const ownersFile = this.options.trust?.ownersFile ?? null;
    if (!signatures) return null;
    const { git } = this.mirror;
    try {
      const [signer] =
        tag === null
          ? await signatures.signerOf({ kind: 'commit', object: commit, name: commit.slice(0, 12) })
          : await this.verifyTag(signatures, tag);
      if (ownersFile === null || inForce === null) return signer ?? null;
      const owners = await Owners.read(ownersFile);
      const changes = new OwnedChanges({ git, signatures, owners, prefix: folderPrefix(folder) });
      await changes.check((await this.has(inForce)) ? inForce : null, commit);
      return signer ?? null;
    } catch (error) {
      throw error instanceof SourceFault ? error : faultFromGit(error, this.options.repository);
    }
  }

  /** Whether what was fetched last, or `head`, has the commit in its history. False also where the mirror does not know. */
  async hasTakenUp(commit: string, head: string | null = null): Promise<boolean> {
    if (!commitForm.test(commit) || (head !== null && !commitForm.test(head))) return false;
    const args = ['merge-base', '--is-ancestor', commit, head ?? fetchedHead];
    return (await this.mirror.git.end(args)).code === 0;
  }

  /** The accepted files below `folder` at that commit: path relative to `folder` → text. */
  async readTree(commit: string, folder: string): Promise<Map<string, string>> {
    if (!commitForm.test(commit)) throw new Error('not a commit id');
    return readTree(this.mirror.git, commit, folderPrefix(folder), this.options);
  }

  /** Who wrote a line of the file as it was at that commit. Null when the mirror does not have it (any more). */
  async lineOrigin(commit: string, folder: string, file: string, line: number): Promise<LineOrigin | null> {
    if (!commitForm.test(commit) || !Number.isSafeInteger(line) || line < 1 || file.split('/').includes('..'))
      return null;
    const path = folderPrefix(folder) + file;
    try {
      const range = `${line},${line}`;
      return parseLineOrigin(await this.mirror.git.text(['blame', '--porcelain', '-L', range, commit, '--', path]));
    } catch {
      return null;
    }
  }

  /** What was fetched, a commit or a tag, and the commit that it is or leads to. */
  private async headObjects(): Promise<{ head: string; commit: string }> {
    const input = `${fetchedHead}\n${fetchedHead}^{}\n`;
    const lines = (await this.local(['cat-file', '--batch-check'], input)).split('\n');
    const [fetched, peeled] = lines.map((line) => /^([0-9a-f]+) (\w+) (\d+)$/.exec(line));
    const [, object = '', kind = 'nothing'] = peeled ?? [];
    if (kind !== 'commit')
      throw new SourceFault(
        'not-a-commit',
        `the branch or tag leads to a ${kind}, not to a commit`,
        'push it anew from a commit: it was not made by the usual commands of git',
      );
    if ([fetched, peeled].some((each) => Number(each?.[3] ?? 0) > longestMessage))
      throw new SourceFault(
        'too-large',
        `commit ${object.slice(0, 12)}, or its tag, has more than ${longestMessage} bytes of message`,
        'commit again with a shorter message',
      );
    return { head: fetched?.[1] ?? object, commit: object };
  }

  /** A signed tag has its name in what is signed: under another one, an old policy would be the newest. */
  private async verifyTag(signatures: Signatures, tag: { name: string; object: string }): Promise<Signer> {
    const { name, object } = tag;
    const kind = (await this.local(['cat-file', '-t', object])).trim();
    if (kind !== 'tag')
      throw new SourceFault(
        'not-signed',
        `tag ${name} is only a name of a commit, and can't be signed`,
        'make the tag anew with `git tag -s`, by somebody whom the controller trusts: docs/source.md',
      );
    const signer = await signatures.signerOf({ kind: 'tag', object, name });
    const own = /^tag (.*)$/m.exec(await this.local(['cat-file', 'tag', object]))?.[1];
    if (own === name) return signer;
    throw new SourceFault(
      'signature-bad',
      `tag ${name} was signed as \`${printable(own ?? '')}\`, and is that tag under another name`,
      'find out who pushed it, and delete it; a new version needs a tag of its own',
    );
  }

  private async has(commit: string): Promise<boolean> {
    return commitForm.test(commit) && (await this.mirror.git.end(['cat-file', '-e', `${commit}^{commit}`])).code === 0;
  }

  private async isAncestor(older: string, newer: string): Promise<boolean> {
    if (!commitForm.test(older)) return false;
    if (older === newer) return true;
    try {
      return (await this.mirror.git.end(['merge-base', '--is-ancestor', older, newer])).code === 0;
    } catch (error) {
      throw faultFromGit(error, this.options.repository);
    }
  }

  private async local(args: readonly string[], input = ''): Promise<string> {
    try {
      return await this.mirror.git.text(args, { input, mostOutput: 4 * longestMessage });
    } catch (error) {
      throw faultFromGit(error, this.options.repository);
    }
  }
}

/** Lines `Approved-by: NAME`, of those trailers alone. */
function claimsOf(lines: readonly string[]): Claim[] {
  const claims = lines.flatMap((line) => {
    const [, key = '', name = ''] = /^([\w-]+)\s*:\s*(\S.*)$/.exec(line) ?? [];
    const trailer = claimTrailers.find((known) => known.toLowerCase() === key.toLowerCase());
    return trailer === undefined ? [] : [{ trailer, name: printable(name.trim()) }];
  });
  return claims.slice(0, mostClaims);
}
