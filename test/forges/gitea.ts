import { z } from 'zod';
import { paged, parsed, PlayedForge, type PlayedAnswer, type PlayedInterface } from './played-forge.ts';

/*
 * The API of Gitea and Forgejo, v1, as their Swagger description has it: `repoCreateStatus` (CreateStatusOption),
 * `repoCreatePullRequest` (CreatePullRequestOption), `repoGetCommitPullRequest`, `repoGetSingleCommit` and `repoListPullReviews`.
 */

const invalid = (why: string): PlayedAnswer => ({ status: 422, body: { message: why, url: '/api/swagger' } });
const notFound: PlayedAnswer = { status: 404, body: { message: 'The target couldn’t be found.', errors: [] } };

const newStatus = z.strictObject({
  state: z.enum(['pending', 'success', 'error', 'failure', 'warning']),
  context: z.string().optional(),
  description: z.string().optional(),
  target_url: z.string().optional(),
});
const newPull = z.strictObject({
  title: z.string(),
  head: z.string(),
  base: z.string(),
  body: z.string().optional(),
});

const states = {
  approves: 'APPROVED',
  'wants changes': 'REQUEST_CHANGES',
  remarks: 'COMMENT',
  'was dismissed': 'APPROVED',
} as const;

const played: PlayedInterface = {
  notFound,
  authorize: (headers, token) =>
    headers.authorization === `token ${token}` ? null : { status: 401, body: { message: 'token is required' } },
  routes: [
    {
      path: /^\/api\/v1\/repos\/([^/]+)\/([^/]+)\/statuses\/([^/]+)$/,
      answer: (forge, [owner, name, sha = ''], body) => {
        if (`${owner}/${name}` !== forge.project) return notFound;
        const {
          state,
          context = 'default',
          description = '',
          target_url: targetUrl = null,
        } = parsed(newStatus, body, invalid);
        if (!forge.commits.has(sha)) return notFound;
        forge.statuses.push({ sha, state, context, description, targetUrl });
        return { status: 201, body: { id: forge.statuses.length, status: state, context } };
      },
    },
    {
      path: /^\/api\/v1\/repos\/([^/]+)\/([^/]+)\/pulls$/,
      answer: (forge, [owner, name], body) => {
        if (`${owner}/${name}` !== forge.project) return notFound;
        const { title, head, base, body: text = '' } = parsed(newPull, body, invalid);
        if (!forge.branches.has(base) || !forge.branches.has(head)) return notFound;
        if (forge.pulls.some(({ from }) => from === head))
          return { status: 409, body: { message: 'pull request already exists for these targets' } };
        const number = forge.pulls.push({ number: forge.pulls.length + 1, from: head, into: base, title, body: text });
        return { status: 201, body: { number, html_url: `https://forge.test/${forge.project}/pulls/${number}` } };
      },
    },
    {
      method: 'GET',
      path: /^\/api\/v1\/repos\/([^/]+)\/([^/]+)\/commits\/([^/]+)\/pull$/,
      answer: (forge, [owner, name, sha = '']) => {
        const pull = forge.mergesOf(sha).find(({ isMerged }) => isMerged);
        if (`${owner}/${name}` !== forge.project || !pull) return notFound;
        const { number, head } = pull;
        const url = `https://forge.test/${forge.project}/pulls/${number}`;
        return { status: 200, body: { number, state: 'closed', merged: true, html_url: url, head: { sha: head } } };
      },
    },
    {
      method: 'GET',
      path: /^\/api\/v1\/repos\/([^/]+)\/([^/]+)\/git\/commits\/([^/]+)$/,
      answer: (forge, [owner, name, sha = '']) =>
        `${owner}/${name}` === forge.project && forge.commits.has(sha) ? { status: 200, body: { sha } } : notFound,
    },
    {
      method: 'GET',
      path: /^\/api\/v1\/repos\/([^/]+)\/([^/]+)\/pulls\/(\d+)\/reviews$/,
      answer: (forge, [owner, name, index], _, query) => {
        const pull = forge.merges.find(({ number }) => number === Number(index));
        if (`${owner}/${name}` !== forge.project || !pull) return notFound;
        const reviews = pull.reviews.map(({ by, says, at, of }, i) => ({
          id: i + 1,
          user: by === null ? null : { login: by },
          state: states[says],
          submitted_at: at,
          commit_id: of,
          stale: of !== pull.head,
          dismissed: says === 'was dismissed',
          official: true,
        }));
        return { status: 200, body: paged(reviews, query, 'limit', 30, 50) };
      },
    },
  ],
};

export const playGitea = (): PlayedForge => new PlayedForge(played);
