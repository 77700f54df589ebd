import { z } from 'zod';
import { UsageError } from '../policy-files.js';

export const forgeNames = ['github', 'gitlab', 'gitea'] as const;
/** `gitea`: Forgejo, too, which speaks the same. */
export type ForgeName = (typeof forgeNames)[number];

/** What a pipeline's environment says of the change that it runs for. */
export interface Pipeline {
  readonly forge: ForgeName;
  /** Of the API, without a slash at its end. */
  readonly api: string;
  /** `owner/name`; on GitLab the number of the project. */
  readonly repository: string;
  /** Number of the pull or merge request; null outside of one. */
  readonly request: number | null;
  /** Where the change begins: a commit, or null when the environment does not say. */
  readonly base: string | null;
  /** What is planned: what a merge would make of both sides where the forge has tried one, else the last commit of the change. */
  readonly head: string;
  /** `head` is a trial merge of this commit, which then stands as its second parent. */
  readonly mergeOf: string | null;
  /** The commit that a status belongs to: the change's own, not that of a trial merge. */
  readonly statusCommit: string;
  readonly labels: readonly string[];
  /** From another repository: its pipeline gets no token that may write. */
  readonly isFork: boolean;
  /** Where a forge wants Markdown for the page of the run. */
  readonly summaryFile: string | null;
  /** Page of this run. */
  readonly run: string | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Null: this is no pipeline that we know. `readEvent` gives the text of GITHUB_EVENT_PATH. */
export function readPipeline(env: Environment, readEvent: (path: string) => string): Pipeline | null {
  if (env['GITLAB_CI'] === 'true') return gitlabPipeline(env);
  // Gitea and Forgejo set the variables of GitHub as well.
  if (env['GITEA_ACTIONS'] === 'true' || env['FORGEJO_ACTIONS'] === 'true')
    return actionsPipeline('gitea', env, readEvent);
  return env['GITHUB_ACTIONS'] === 'true' ? actionsPipeline('github', env, readEvent) : null;
}

const commit = z.string().regex(/^[0-9a-f]{40,64}$/);
const repository = z.object({ full_name: z.string() });
const eventSchema = z.object({
  pull_request: z
    .object({
      number: z.number().int().positive(),
      base: z.object({ sha: commit, repo: repository.nullish() }),
      head: z.object({ sha: commit, repo: repository.nullish() }),
      labels: z.array(z.object({ name: z.string() })).nullish(),
    })
    .nullish(),
  before: commit.nullish(),
});

function actionsPipeline(forge: 'github' | 'gitea', env: Environment, readEvent: (path: string) => string): Pipeline {
  if (env['GITHUB_EVENT_NAME'] === 'pull_request_target') {
    const why = 'it gives a token that may write to a run that strangers can start';
    throw new UsageError(`this workflow runs on pull_request_target, ${why}: use pull_request`);
  }
  const path = needed(env, 'GITHUB_EVENT_PATH');
  const event = parseEvent(path, readEvent(path));
  const head = needed(env, 'GITHUB_SHA');
  const repositoryName = needed(env, 'GITHUB_REPOSITORY');
  const request = event.pull_request ?? null;
  const server = env['GITHUB_SERVER_URL'] ?? 'https://github.com';
  return {
    forge,
    api: env['GITHUB_API_URL'] ?? (forge === 'github' ? 'https://api.github.com' : `${server}/api/v1`),
    repository: repositoryName,
    request: request?.number ?? null,
    base: request?.base.sha ?? realCommit(event.before ?? undefined),
    head,
    mergeOf: request && request.head.sha !== head ? request.head.sha : null,
    statusCommit: request?.head.sha ?? head,
    labels: (request?.labels ?? []).map(({ name }) => name),
    isFork: request !== null && request.head.repo?.full_name !== (request.base.repo?.full_name ?? repositoryName),
    summaryFile: env['GITHUB_STEP_SUMMARY'] || null,
    run: env['GITHUB_RUN_ID'] ? `${server}/${repositoryName}/actions/runs/${env['GITHUB_RUN_ID']}` : null,
  };
}

function parseEvent(path: string, text: string): z.infer<typeof eventSchema> {
  try {
    return eventSchema.parse(JSON.parse(text));
  } catch (error) {
    const [issue] = error instanceof z.ZodError ? error.issues : [];
    const why = issue ? `${issue.path.join('.')}: ${issue.message}` : 'it is not JSON';
    throw new UsageError(
      `the event of this run (GITHUB_EVENT_PATH, ${path}) can't be read: ${why}; give --base and --head`,
    );
  }
}

function gitlabPipeline(env: Environment): Pipeline {
  const number = env['CI_MERGE_REQUEST_IID'];
  const head = needed(env, 'CI_COMMIT_SHA');
  const source = realCommit(env['CI_MERGE_REQUEST_SOURCE_BRANCH_SHA']);
  // Only a pipeline of merged results says these two.
  const target = realCommit(env['CI_MERGE_REQUEST_TARGET_BRANCH_SHA']);
  return {
    forge: 'gitlab',
    api: needed(env, 'CI_API_V4_URL'),
    repository: needed(env, 'CI_PROJECT_ID'),
    request: number ? Number(number) : null,
    base: target ?? realCommit(env['CI_MERGE_REQUEST_DIFF_BASE_SHA']) ?? realCommit(env['CI_COMMIT_BEFORE_SHA']),
    head,
    mergeOf: source !== head ? source : null,
    statusCommit: source ?? head,
    labels: (env['CI_MERGE_REQUEST_LABELS'] ?? '').split(',').filter(Boolean),
    isFork: Boolean(number) && env['CI_MERGE_REQUEST_SOURCE_PROJECT_ID'] !== env['CI_PROJECT_ID'],
    summaryFile: null,
    run: env['CI_JOB_URL'] ?? null,
  };
}

function needed(env: Environment, name: string): string {
  const value = env[name]?.trim();
  if (!value) throw new UsageError(`${name} is not set, though this looks like a pipeline: give --base and --head`);
  return value;
}

/** Forges write zeros where there is no commit. */
const realCommit = (text: string | undefined): string | null => (text && !/^0+$/.test(text) ? text : null);
