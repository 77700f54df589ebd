import { z } from 'zod';
import { paged, parsed, PlayedForge, type PlayedAnswer, type PlayedInterface } from './played-forge.ts';

/*
 * GitHub's REST API, version 2022-11-28, as its OpenAPI description has it: `repos/create-commit-status`, `pulls/create`,
 * `repos/list-pull-requests-associated-with-commit`, `pulls/list-reviews`, `users/get-authenticated`, `issues/list-comments`,
 * `issues/create-comment` and `issues/update-comment`.
 */

const invalid = (why: string): PlayedAnswer => ({
  status: 422,
  body: { message: 'Validation Failed', errors: [{ message: why }], documentation_url: 'https://docs.github.com/rest' },
});
const notFound: PlayedAnswer = { status: 404, body: { message: 'Not Found' } };

const newStatus = z.strictObject({
  state: z.enum(['error', 'failure', 'pending', 'success']),
  target_url: z.string().nullish(),
  description: z.string().max(140, 'is too long (maximum is 140 characters)').nullish(),
  context: z.string().default('default'),
});
const newPull = z.strictObject({
  title: z.string().min(1),
  head: z.string(),
  base: z.string(),
  body: z.string().max(65_536).optional(),
});

const newComment = z.strictObject({ body: z.string().min(1).max(65_536) });
const robot = { id: 1, login: 'cordon-ci' };
const states = {
  approves: 'APPROVED',
  'wants changes': 'CHANGES_REQUESTED',
  remarks: 'COMMENTED',
  'was dismissed': 'DISMISSED',
} as const;

const played: PlayedInterface = {
  notFound,
  authorize: (headers, token) => {
    if (!headers['user-agent']) return { status: 403, body: { message: 'Request forbidden by administrative rules.' } };
    if (headers['x-github-api-version'] !== '2022-11-28') return { status: 400, body: { message: 'no such version' } };
    if (headers.accept !== 'application/vnd.github+json') return { status: 415, body: { message: 'accept' } };
    return headers.authorization === `Bearer ${token}` ? null : { status: 401, body: { message: 'Bad credentials' } };
  },
  routes: [
    {
      path: /^\/api\/v3\/repos\/([^/]+)\/([^/]+)\/statuses\/([^/]+)$/,
      answer: (forge, [owner, name, sha = ''], body) => {
        if (`${owner}/${name}` !== forge.project) return notFound;
        const { state, target_url: targetUrl = null, description, context } = parsed(newStatus, body, invalid);
        if (!forge.commits.has(sha)) return { status: 422, body: { message: `No commit found for SHA: ${sha}` } };
        forge.statuses.push({ sha, state, context, description: description ?? '', targetUrl: targetUrl ?? null });
        return { status: 201, body: { id: forge.statuses.length, state, context } };
      },
    },
    {
      path: /^\/api\/v3\/repos\/([^/]+)\/([^/]+)\/pulls$/,
      answer: (forge, [owner, name], body) => {
        if (`${owner}/${name}` !== forge.project) return notFound;
        const { title, head, base, body: text = '' } = parsed(newPull, body, invalid);
        if (!forge.branches.has(base) || !forge.branches.has(head)) return invalid('head or base is invalid');
        if (forge.pulls.some(({ from }) => from === head))
          return invalid(`A pull request already exists for clinic:${head}.`);
        const number = forge.pulls.push({ number: forge.pulls.length + 1, from: head, into: base, title, body: text });
        return { status: 201, body: { number, html_url: `https://forge.test/${forge.project}/pull/${number}` } };
      },
    },
    { method: 'GET', path: /^\/api\/v3\/user$/, answer: () => ({ status: 200, body: robot }) },
    {
      method: 'GET',
      path: /^\/api\/v3\/repos\/clinic\/policy\/issues\/(\d+)\/comments$/,
      answer: ({ comments }, [request]) => {
        const all = comments.map((comment, i) => ({ ...comment, id: i + 1, user: robot }));
        return { status: 200, body: all.filter((comment) => comment.request === Number(request)) };
      },
    },
    {
      path: /^\/api\/v3\/repos\/clinic\/policy\/issues\/(\d+)\/comments$/,
      answer: (forge, [request], body) => {
        const { body: text } = parsed(newComment, body, invalid);
        const id = forge.comments.push({ request: Number(request), body: text });
        return { status: 201, body: { id, body: text, user: robot } };
      },
    },
    {
      method: 'PATCH',
      path: /^\/api\/v3\/repos\/clinic\/policy\/issues\/comments\/(\d+)$/,
      answer: ({ comments }, [id], body) => {
        const comment = comments[Number(id) - 1];
        if (!comment) return notFound;
        comment.body = parsed(newComment, body, invalid).body;
        return { status: 200, body: { id: Number(id), body: comment.body, user: robot } };
      },
    },
    {
      method: 'GET',
      path: /^\/api\/v3\/repos\/([^/]+)\/([^/]+)\/commits\/([^/]+)\/pulls$/,
      answer: (forge, [owner, name, sha = ''], _, query) => {
        if (`${owner}/${name}` !== forge.project) return notFound;
        if (!forge.commits.has(sha)) return { status: 422, body: { message: `No commit found for SHA: ${sha}` } };
        const pulls = forge.mergesOf(sha).map(({ number, head, isMerged }) => ({
          number,
          state: isMerged ? 'closed' : 'open',
          html_url: `https://forge.test/${forge.project}/pull/${number}`,
          merged_at: isMerged ? '2026-11-24T12:00:00Z' : null,
          head: { ref: 'work', sha: head },
          base: { ref: 'main' },
        }));
        return { status: 200, body: paged(pulls, query, 'per_page', 30, 100) };
      },
    },
    {
      method: 'GET',
      path: /^\/api\/v3\/repos\/([^/]+)\/([^/]+)\/pulls\/(\d+)\/reviews$/,
      answer: (forge, [owner, name, number], _, query) => {
        const pull = forge.merges.find((merge) => merge.number === Number(number));
        if (`${owner}/${name}` !== forge.project || !pull) return notFound;
        const reviews = pull.reviews.map(({ by, says, at, of }, i) => ({
          id: i + 1,
          user: by === null ? null : { login: by },
          state: states[says],
          submitted_at: at,
          commit_id: of,
        }));
        return { status: 200, body: paged(reviews, query, 'per_page', 30, 100) };
      },
    },
  ],
};

export const playGithub = (): PlayedForge => new PlayedForge(played);
