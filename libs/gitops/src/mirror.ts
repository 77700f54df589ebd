import { access, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ProgramFailed } from '#programs';
import { Git, type GitOptions, type Setting } from './git.js';
import { firstTag, type Reference } from './reference.js';
import { faultFromGit, showRepository, SourceFault } from './source-fault.js';

export interface MirrorOptions extends Omit<GitOptions, 'limits'> {
  readonly repository: string;
  readonly reference: Reference;
  readonly limits: {
    /** Bytes of all that is fetched, packed. */
    readonly repositoryBytes: number;
    /** Bytes of one file; larger ones are left out where the far side can do that. */
    readonly fileBytes: number;
    /** Bytes of one process of git. */
    readonly memoryBytes: number;
  };
}

/** Where the mirror keeps what it fetched last, whatever the far side calls it: names of refs can't be in each other's way. */
export const head = 'refs/cordon/head';

/** Each fetch that brings something adds one. */
const mostPacks = 50;
const mostListing = 16 * 1024 * 1024;

/**
 * A bare copy of the repository: no work tree, no hook, no submodule, no filter of the repository ever runs. It is a cache, and
 * made anew when it is missing, or has grown over its limit with what nobody needs any more.
 *
 * It does not judge what it holds (see tree.ts, signatures.ts).
 */
export class Mirror {
  /** For git that reads the mirror, and needs nobody else. */
  readonly gitOptions: GitOptions;
  readonly git: Git;

  constructor(private readonly options: MirrorOptions) {
    const { limits, repository, settings = [], ...rest } = options;
    const filter = `blob:limit=${limits.fileBytes}`;
    const remote: Setting[] = [
      ['remote.policy.url', repository],
      ['remote.policy.promisor', 'true'],
      ['remote.policy.partialCloneFilter', filter],
    ];
    this.gitOptions = { ...rest, limits: { file: limits.repositoryBytes, memory: limits.memoryBytes } };
    this.git = new Git(this.gitOptions);
    this.remote = new Git({ ...this.gitOptions, settings: [...settings, ...remote] });
    this.fetchOptions = [`--filter=${filter}`, '--quiet', '--force', '--no-tags', '--no-recurse-submodules'];
  }

  private readonly remote: Git;
  private readonly fetchOptions: readonly string[];

  /** Brings `head` up to date. Answers with the tag's name, null for a branch. */
  async fetch(): Promise<string | null> {
    const { folder, limits, reference } = this.options;
    await this.prepare();
    const tag = reference.kind === 'tags' ? await this.newestTag(reference.pattern) : null;
    await this.fetchHead(tag);
    const { bytes, packs } = await this.measure();
    if (bytes <= limits.repositoryBytes && packs <= mostPacks) return tag;
    const next = new Mirror({ ...this.options, folder: `${folder}.next` });
    await rm(next.options.folder, { recursive: true, force: true });
    await next.prepare();
    await next.fetchHead(tag);
    await rm(folder, { recursive: true, force: true });
    await rename(next.options.folder, folder);
    return tag;
  }

  private async fetchHead(tag: string | null): Promise<void> {
    const { reference } = this.options;
    const from = tag === null ? `refs/heads/${reference.kind === 'branch' ? reference.name : ''}` : `refs/tags/${tag}`;
    await this.removeRemains();
    try {
      const args = [...this.fetchOptions, '--no-write-fetch-head', 'policy', `+${from}:${head}`];
      await this.remote.text(['fetch', ...args], { isRemote: true });
    } catch (error) {
      await this.removeRemains();
      throw this.faultOf(error);
    }
  }

  private async newestTag(pattern: string): Promise<string> {
    const { repository } = this.options;
    // `-` before what is not a release yet: v2.0-rc1 is older than v2.0.
    const order = ['-c', 'versionsort.suffix=-'];
    const list = ['ls-remote', '--quiet', '--tags', '--refs', '--sort=-version:refname', 'policy'];
    let listing: string;
    try {
      listing = await this.remote.text([...order, ...list], { isRemote: true, mostOutput: mostListing });
    } catch (error) {
      if (error instanceof ProgramFailed && error.fault === 'too-much')
        throw new SourceFault(
          'too-large',
          `the list of tags of \`${showRepository(repository)}\` has more than ${mostListing} bytes`,
          'delete tags that nobody needs, or follow a branch: CORDON_POLICY_BRANCH',
        );
      throw this.faultOf(error);
    }
    const tag = firstTag(listing, pattern);
    if (tag !== null) return tag;
    throw new SourceFault(
      'tag-missing',
      `no tag of \`${showRepository(repository)}\` fits \`${pattern}\``,
      'push a tag, or write another pattern in CORDON_POLICY_TAGS',
    );
  }

  private async prepare(): Promise<void> {
    const { folder } = this.options;
    await mkdir(folder, { recursive: true });
    const ready = await access(join(folder, 'HEAD')).then(
      () => true,
      () => false,
    );
    if (ready) return;
    try {
      await this.git.text(['init', '--quiet', '--bare', '--template=', '.']);
    } catch (error) {
      throw this.faultOf(error);
    }
  }

  private async measure(): Promise<{ bytes: number; packs: number }> {
    const folder = this.packFolder;
    const names = await readdir(folder);
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
    return {
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      packs: names.filter((name) => name.endsWith('.pack')).length,
    };
  }

  /** Git leaves behind what it had got of a pack when it was stopped. */
  private async removeRemains(): Promise<void> {
    const names = await readdir(this.packFolder).catch(() => []);
    const remains = names.filter((name) => name.startsWith('tmp_'));
    await Promise.all(remains.map((name) => rm(join(this.packFolder, name), { force: true })));
  }

  private get packFolder(): string {
    return join(this.options.folder, 'objects', 'pack');
  }

  private faultOf(error: unknown): SourceFault {
    return faultFromGit(error, this.options.repository);
  }
}
