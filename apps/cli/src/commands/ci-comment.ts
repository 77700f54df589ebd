import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNever } from '#base';
import { ForgeError, retrying } from '../ci/forge-client.js';
import type { ForgePlace, ReviewForge } from '../ci/forge.js';
import { gitea } from '../ci/gitea.js';
import { github } from '../ci/github.js';
import { GitlabForge } from '../ci/gitlab.js';
import { IssueForge } from '../ci/issue-forge.js';
import { readPipeline, type Environment, type ForgeName, type Pipeline } from '../ci/pipeline.js';
import { headline, type CiResult } from '../ci/report.js';
import { postSticky } from '../ci/sticky-comment.js';
import { print, printJson } from '../output.js';
import { UsageError } from '../policy-files.js';
import { readEvent } from './ci.js';

export interface CiCommentOptions {
  readonly out: string;
  readonly api?: string;
  readonly status: boolean;
  readonly json?: boolean;
}

interface Ports {
  readonly env: Environment;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

type Done = { readonly comment: string; readonly status: string; readonly reason: string | null };

/** Puts what `cordon ci` wrote into one comment on the change, and its verdict at the commit. */
export async function ciComment(
  options: CiCommentOptions,
  { env, sleep: wait }: Ports = { env: process.env, sleep: (milliseconds) => sleep(milliseconds) },
): Promise<number> {
  const pipeline = readPipeline(env, readEvent);
  if (!pipeline || pipeline.request === null)
    throw new UsageError(
      'there is no pull or merge request here: run this in a pipeline of one (docs/pull-requests.md)',
    );
  const [result, text] = readOut(options.out);
  const token = tokenOf(pipeline.forge, env);
  if (token === null) {
    const names = tokenNames[pipeline.forge].join(' or ');
    if (!pipeline.isFork) throw new UsageError(`which token of the forge? Set ${names} (docs/pull-requests.md)`);
    return tell({ comment: 'left out', status: 'left out', reason: forkReason(options.out) }, options);
  }
  const place = { repository: pipeline.repository, request: pipeline.request, commit: pipeline.statusCommit };
  const forge = makeForge(pipeline.forge, { api: options.api ?? pipeline.api, token, sleep: wait }, place);
  try {
    const comment = await postSticky(forge, result.policy, text, wait);
    const status = options.status ? await setStatus(forge, result, pipeline, wait) : 'left out';
    return tell({ comment, status, reason: null }, options);
  } catch (error) {
    if (!(error instanceof ForgeError) || !error.isDenied) throw error;
    if (pipeline.isFork)
      return tell({ comment: 'left out', status: 'left out', reason: forkReason(options.out) }, options);
    throw new UsageError(`${error.message}: the token may not do this; ${permissions[pipeline.forge]}`);
  }
}

const forkReason = (out: string): string =>
  `a change from another repository gets no token that may write: everything is in ${out}, keep it as an artefact of this run`;

const tokenNames: Readonly<Record<ForgeName, readonly string[]>> = {
  github: ['CORDON_FORGE_TOKEN', 'GITHUB_TOKEN'],
  gitlab: ['CORDON_FORGE_TOKEN', 'GITLAB_TOKEN'],
  gitea: ['CORDON_FORGE_TOKEN', 'GITEA_TOKEN', 'FORGEJO_TOKEN', 'GITHUB_TOKEN'],
};

const permissions: Readonly<Record<ForgeName, string>> = {
  github: 'give the job `pull-requests: write` and `statuses: write`',
  gitlab: 'take a project access token of role Developer with the scope `api`',
  gitea: 'give it `write:issue`, `write:repository` and `read:user`',
};

const tokenOf = (forge: ForgeName, env: Environment): string | null =>
  tokenNames[forge].map((name) => env[name]?.trim()).find(Boolean) ?? null;

function makeForge(
  name: ForgeName,
  connection: { api: string; token: string; sleep: Ports['sleep'] },
  place: ForgePlace,
): ReviewForge {
  const at = { ...connection, api: connection.api.replace(/\/+$/, '') };
  switch (name) {
    case 'github':
      return new IssueForge(github, at, place);
    case 'gitlab':
      return new GitlabForge(at, place);
    case 'gitea':
      return new IssueForge(gitea, at, place);
    default:
      return assertNever(name);
  }
}

async function setStatus(
  forge: ReviewForge,
  result: CiResult,
  { run }: Pipeline,
  wait: Ports['sleep'],
): Promise<string> {
  const isGood = result.exitCode === 0;
  await retrying(wait, () => forge.setStatus({ isGood, description: headline(result), page: run }));
  return isGood ? 'success' : 'failure';
}

function readOut(folder: string): readonly [CiResult, string] {
  try {
    const result = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as CiResult;
    if (result.format !== 1) throw new Error('result.json is of another version of cordon');
    return [result, readFileSync(join(folder, 'plan.md'), 'utf8')];
  } catch (error) {
    throw new UsageError(
      `${folder} does not hold what \`cordon ci\` writes: ${(error as Error).message}; run it first`,
    );
  }
}

function tell(done: Done, { json }: CiCommentOptions): number {
  if (json) printJson(done);
  else print(done.reason ?? `comment ${done.comment}, status ${done.status}`);
  return 0;
}
