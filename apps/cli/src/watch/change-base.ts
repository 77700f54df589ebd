import { join } from 'node:path';
import { git, UsageError, type PolicyTree } from '../policy-files.js';

/** What a working copy is compared with. */
export interface ChangeBase extends PolicyTree {
  /** How it was found: `merge base of HEAD and origin/main`. */
  readonly words: string;
}

/** Where others' work is expected, if nothing is said. */
const usual = ['origin/HEAD', 'origin/main', 'origin/master', '@{upstream}', 'main', 'master'];

/**
 * Where the branch of a folder left the line that it will go back to, so that what others merged meanwhile does not look as if it were
 * taken back. A text says why there is none.
 */
export function findBase(folder: string, named: string | null): ChangeBase | string {
  const ask = (...args: string[]): string | null => git('-C', folder, ...args)?.trim() ?? null;
  const commitOf = (revision: string): string | null =>
    ask('rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`) || null;
  const prefix = ask('rev-parse', '--show-prefix');
  if (prefix === null) return `\`${folder}\` is in no git repository`;
  const head = commitOf('HEAD');
  if (head === null) return 'the repository has no commit yet';
  for (const revision of named === null ? usual : [named]) {
    const commit = commitOf(revision);
    const base = commit && ask('merge-base', '--end-of-options', commit, head);
    if (base) return { commit: base, prefix, words: base === head ? 'HEAD' : `merge base of HEAD and ${revision}` };
    if (named === null) continue;
    const why = commit ? 'has no common commit with HEAD here' : 'is no commit of the repository';
    throw new UsageError(`--base: \`${named}\` ${why}`);
  }
  return { commit: head, prefix, words: 'HEAD' };
}

/** Files that change when a commit, a branch or a fetch moves the base. */
export function baseFiles(folder: string): string[] {
  const at = git('-C', folder, 'rev-parse', '--absolute-git-dir')?.trim();
  return at ? ['HEAD', 'logs/HEAD', 'FETCH_HEAD'].map((name) => join(at, name)) : [];
}
