import type { CommitStatus, Standing } from './commit-status.js';
import type { ForgeTarget } from './forge-config.js';
import type { ForgeKind } from './hook-schemes.js';

/** To the interface of a forge: a POST, or without a body a GET. */
export interface ForgeRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, string>> | null;
}

/** A branch that somebody is to look at. */
export interface PullRequest {
  readonly branch: string;
  /** Where it is to be merged. */
  readonly into: string;
  readonly title: string;
  readonly description: string;
}

interface ForgeDialect {
  headers(token: string): Readonly<Record<string, string>>;
  status(target: ForgeTarget, status: CommitStatus): ForgeRequest;
  pull(target: ForgeTarget, pull: PullRequest): ForgeRequest;
  /** Where people read of a pull request: the member of the answer. */
  readonly pullUrl: string;
  /** An answer that is no success, and says that there is nothing to do, or nothing that can be done. */
  judge(status: number, message: string): 'done' | 'final' | null;
}

/** Forges refuse what is longer. */
function cut(text: string, most: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > most ? `${line.slice(0, most - 1).toWellFormed()}…` : line;
}

const longestTitle = 255;
const longestBody = 60_000;

/** On GitHub, and on Gitea after it. */
export const repositoryPath = (project: string): string =>
  `/repos/${project.split('/').map(encodeURIComponent).join('/')}`;

/** On GitLab. */
export const encodedProject = (project: string): string => encodeURIComponent(project);

function statusOf(
  { context, targetUrl }: ForgeTarget,
  { description }: Standing,
  state: string,
  most: number,
): ForgeRequest['body'] {
  return { state, context, description: cut(description, most), ...(targetUrl !== null && { target_url: targetUrl }) };
}

/** GitHub, and Gitea after it. */
const pull = ({ project }: ForgeTarget, { branch, into, title, description }: PullRequest): ForgeRequest => ({
  path: `${repositoryPath(project)}/pulls`,
  body: { title: cut(title, longestTitle), head: branch, base: into, body: description.slice(0, longestBody) },
});

export const forgeDialects: Readonly<Record<ForgeKind, ForgeDialect>> = {
  github: {
    headers: (token) => ({
      authorization: `Bearer ${token}`,
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
    }),
    status: (target, status) => ({
      path: `${repositoryPath(target.project)}/statuses/${status.commit}`,
      body: statusOf(target, status, status.state, 140),
    }),
    pull,
    pullUrl: 'html_url',
    judge: () => null,
  },
  gitlab: {
    headers: (token) => ({ 'private-token': token, accept: 'application/json' }),
    status: (target, status) => ({
      path: `/projects/${encodedProject(target.project)}/statuses/${status.commit}`,
      body: statusOf(target, status, status.state === 'failure' ? 'failed' : status.state, 255),
    }),
    pull: ({ project }, { branch, into, title, description }) => ({
      path: `/projects/${encodedProject(project)}/merge_requests`,
      body: {
        title: cut(title, longestTitle),
        source_branch: branch,
        target_branch: into,
        description: description.slice(0, longestBody),
      },
    }),
    pullUrl: 'web_url',
    // It refuses to set a state that it has; the text of the first one stays then.
    judge: (status, message) => {
      if (status === 400 && /cannot transition status/i.test(message)) return 'done';
      return status === 404 && /commit not found/i.test(message) ? 'final' : null;
    },
  },
  gitea: {
    headers: (token) => ({ authorization: `token ${token}`, accept: 'application/json' }),
    status: (target, status) => ({
      path: `${repositoryPath(target.project)}/statuses/${status.commit}`,
      body: statusOf(target, status, status.state, 255),
    }),
    pull,
    pullUrl: 'html_url',
    judge: () => null,
  },
};
