import { z } from 'zod';
import { parsed, PlayedForge, type PlayedAnswer, type PlayedInterface } from './played-forge.ts';

/*
 * GitLab's REST API v4, as its documentation has it: "Set commit pipeline status", "Create merge request",
 * "List merge requests associated with a commit" and "Retrieve approval state of a merge request". A status that has a state
 * is not given the same again: 400 "Cannot transition status".
 */

const bad = (why: string): PlayedAnswer => ({ status: 400, body: { error: why } });
const noProject: PlayedAnswer = { status: 404, body: { message: '404 Project Not Found' } };

const newStatus = z.strictObject({
  state: z.enum(['pending', 'running', 'success', 'failed', 'canceled', 'skipped']),
  context: z.string().default('default'),
  description: z.string().max(255).optional(),
  target_url: z.string().max(255).optional(),
  ref: z.string().optional(),
});
const newMergeRequest = z.strictObject({
  title: z.string().min(1).max(255),
  source_branch: z.string(),
  target_branch: z.string(),
  description: z.string().max(1_048_576).optional(),
});

const played: PlayedInterface = {
  notFound: { status: 404, body: { error: '404 Not Found' } },
  authorize: (headers, token) =>
    headers['private-token'] === token ? null : { status: 401, body: { message: '401 Unauthorized' } },
  routes: [
    {
      path: /^\/api\/v4\/projects\/([^/]+)\/statuses\/([^/]+)$/,
      answer: (forge, [project, sha = ''], body) => {
        if (project !== forge.project) return noProject;
        const { state, context, description = '', target_url: targetUrl = null } = parsed(newStatus, body, bad);
        if (!forge.commits.has(sha)) return { status: 404, body: { message: '404 Commit Not Found' } };
        const last = forge.statuses.findLast((status) => status.sha === sha && status.context === context);
        if (last?.state === state && (state === 'pending' || state === 'running')) {
          const via = state === 'pending' ? 'enqueue' : 'run';
          const message = `Cannot transition status via :${via} from :${state} (Reason(s): Status cannot transition via "${via}")`;
          return { status: 400, body: { message } };
        }
        forge.statuses.push({ sha, state, context, description, targetUrl });
        return { status: 201, body: { id: forge.statuses.length, status: state, name: context } };
      },
    },
    {
      path: /^\/api\/v4\/projects\/([^/]+)\/merge_requests$/,
      answer: (forge, [project], body) => {
        if (project !== forge.project) return noProject;
        const request = parsed(newMergeRequest, body, bad);
        const { source_branch: from, target_branch: into, title, description = '' } = request;
        if (!forge.branches.has(from) || !forge.branches.has(into)) return bad('branch does not exist');
        const same = forge.pulls.find((pull) => pull.from === from && pull.into === into);
        if (same) {
          const message = [`Another open merge request already exists for this source branch: !${same.number}`];
          return { status: 409, body: { message } };
        }
        const iid = forge.pulls.push({ number: forge.pulls.length + 1, from, into, title, body: description });
        return { status: 201, body: { iid, web_url: `https://forge.test/${forge.project}/-/merge_requests/${iid}` } };
      },
    },
    {
      method: 'GET',
      path: /^\/api\/v4\/projects\/([^/]+)\/repository\/commits\/([^/]+)\/merge_requests$/,
      answer: (forge, [project, sha = '']) => {
        if (project !== forge.project) return noProject;
        if (!forge.commits.has(sha)) return { status: 404, body: { message: '404 Commit Not Found' } };
        const requests = forge.mergesOf(sha).map(({ number, head, isMerged }) => ({
          id: 1000 + number,
          iid: number,
          state: isMerged ? 'merged' : 'opened',
          target_branch: 'main',
          sha: head,
          web_url: `https://forge.test/${forge.project}/-/merge_requests/${number}`,
        }));
        return { status: 200, body: requests };
      },
    },
    {
      method: 'GET',
      path: /^\/api\/v4\/projects\/([^/]+)\/merge_requests\/(\d+)\/approvals$/,
      answer: (forge, [project, iid]) => {
        if (project !== forge.project) return noProject;
        const request = forge.merges.find(({ number }) => number === Number(iid));
        if (!request) return { status: 404, body: { message: '404 Not found' } };
        // Who takes an approval back is not in the list any more.
        const last = new Map(request.reviews.filter(({ says }) => says !== 'remarks').map((each) => [each.by, each]));
        const approved = [...last.values()].filter(({ by, says }) => by !== null && says === 'approves');
        const approvedBy = approved.map(({ by, at }) => ({ user: { username: by, name: by }, approved_at: at }));
        return { status: 200, body: { iid: request.number, approved: true, approved_by: approvedBy } };
      },
    },
  ],
};

export const playGitlab = (): PlayedForge => new PlayedForge(played);
