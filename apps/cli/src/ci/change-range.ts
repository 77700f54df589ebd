import { git, UsageError } from '../policy-files.js';
import type { Pipeline } from './pipeline.js';

/** Commits of both sides. */
export interface ChangeRange {
  readonly base: string;
  readonly head: string;
}

/**
 * What merging the change would do. A trial merge is compared with the branch that it goes to; else the change with the commit that it
 * begins at, so that what others merged meanwhile does not look as if it were taken back.
 */
export function findRange(
  given: { readonly base?: string | undefined; readonly head?: string | undefined },
  pipeline: Pipeline | null,
): ChangeRange {
  const head = commitOf(given.head ?? pipeline?.head ?? 'HEAD', '--head');
  if (given.base === undefined && pipeline?.mergeOf && parentsOf(head)[1] === pipeline.mergeOf)
    return { base: commitOf(`${head}^1`, '--base'), head };
  const named = given.base ?? pipeline?.base;
  if (!named) {
    const why = pipeline
      ? 'the environment of this run names no commit before it'
      : 'this is no pipeline that is known here';
    throw new UsageError(`what is the change compared with? ${why}: give --base, for example \`--base origin/main\``);
  }
  const base = git('merge-base', '--end-of-options', commitOf(named, '--base'), head)?.trim();
  if (!base) throw new UsageError(`\`${named}\` and ${head} have no common commit here: ${deeper}`);
  return { base, head };
}

const deeper = 'fetch the whole history (GitHub, Gitea: `fetch-depth: 0`; GitLab: GIT_DEPTH 0)';

function commitOf(revision: string, option: string): string {
  const commit = git('rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`)?.trim();
  if (!commit) throw new UsageError(`${option}: \`${revision}\` is no commit of the repository here: ${deeper}`);
  return commit;
}

const parentsOf = (commit: string): string[] => git('rev-parse', `${commit}^@`)?.trim().split('\n') ?? [];
