import { z } from 'zod';
import type { ForgeTarget } from './forge-config.js';
import { encodedProject, repositoryPath } from './forge-requests.js';
import type { ForgeKind } from './hook-schemes.js';

/** A pull request that was merged, and brought a commit. */
export interface MergedPull {
  readonly number: number;
  /** Where people read of it. */
  readonly url: string;
  /** The last commit that was pushed to it; null: the forge does not say. */
  readonly head: string | null;
}

/** What one account said last that counts. */
export interface Review {
  readonly name: string;
  readonly isApproval: boolean;
  readonly at: string | null;
  readonly isEarlier: boolean;
}

/** How a forge is asked who approved a commit. Answers are parsed for what is used, and throw where that is not there. */
interface ApprovalDialect {
  pulls(target: ForgeTarget, commit: string): string;
  readPulls(value: unknown): MergedPull[];
  /** Whether it knows the commit, where 404 may mean that no pull request brought it; null: 404 means that it does not. */
  commit(target: ForgeTarget, commit: string): string | null;
  /** Pages count from 1. */
  reviews(target: ForgeTarget, pull: MergedPull, page: number): string;
  /** In their order; comments and the like left out. */
  readReviews(value: unknown, pull: MergedPull): { readonly reviews: Review[]; readonly isLast: boolean };
}

const pageOf = { pulls: 10, reviews: 50 } as const;

const account = z.object({ login: z.string() }).nullable();
const instant = z.string().nullish();

const githubPulls = z.array(
  z.object({
    number: z.number().int(),
    html_url: z.string(),
    merged_at: instant,
    head: z.object({ sha: z.string() }),
  }),
);
const githubReviews = z.array(
  z.object({ user: account, state: z.string(), submitted_at: instant, commit_id: z.string().nullish() }),
);
const gitlabRequests = z.array(
  z.object({ iid: z.number().int(), web_url: z.string(), state: z.string(), sha: z.string().nullish() }),
);
const gitlabApprovals = z.object({
  approved_by: z.array(z.object({ user: z.object({ username: z.string() }), approved_at: instant })),
});
const giteaPull = z.object({
  number: z.number().int(),
  html_url: z.string(),
  merged: z.boolean(),
  head: z.object({ sha: z.string() }).nullish(),
});
const giteaReviews = z
  .array(
    z.object({
      user: account,
      state: z.string(),
      submitted_at: instant,
      stale: z.boolean().default(false),
      dismissed: z.boolean().default(false),
    }),
  )
  .nullable();

/** A person may approve, ask for changes, and have either taken back. What they only remark counts for nothing. */
const decides = new Set(['APPROVED', 'CHANGES_REQUESTED', 'REQUEST_CHANGES', 'DISMISSED']);

export const approvalDialects: Readonly<Record<ForgeKind, ApprovalDialect>> = {
  github: {
    pulls: ({ project }, commit) => `${repositoryPath(project)}/commits/${commit}/pulls?per_page=${pageOf.pulls}`,
    readPulls: (value) =>
      githubPulls
        .parse(value)
        .filter((pull) => pull.merged_at != null)
        .map(({ number, html_url: url, head }) => ({ number, url, head: head.sha })),
    commit: () => null,
    reviews: ({ project }, { number }, page) =>
      `${repositoryPath(project)}/pulls/${number}/reviews?per_page=${pageOf.reviews}&page=${page}`,
    readReviews: (value, { head }) => {
      const found = githubReviews.parse(value);
      const reviews = found.flatMap(({ user, state, submitted_at: at = null, commit_id: of }) =>
        user === null || !decides.has(state)
          ? []
          : { name: user.login, isApproval: state === 'APPROVED', at, isEarlier: of != null && of !== head },
      );
      return { reviews, isLast: found.length < pageOf.reviews };
    },
  },
  gitlab: {
    pulls: ({ project }, commit) =>
      `/projects/${encodedProject(project)}/repository/commits/${commit}/merge_requests?per_page=${pageOf.pulls}`,
    readPulls: (value) =>
      gitlabRequests
        .parse(value)
        .filter(({ state }) => state === 'merged')
        .map(({ iid, web_url: url, sha }) => ({ number: iid, url, head: sha ?? null })),
    commit: () => null,
    reviews: ({ project }, { number }) => `/projects/${encodedProject(project)}/merge_requests/${number}/approvals`,
    readReviews: (value) => ({
      reviews: gitlabApprovals.parse(value).approved_by.map(({ user, approved_at: at = null }) => ({
        name: user.username,
        isApproval: true,
        at,
        // It takes approvals away itself where a project wants that.
        isEarlier: false,
      })),
      isLast: true,
    }),
  },
  gitea: {
    pulls: ({ project }, commit) => `${repositoryPath(project)}/commits/${commit}/pull`,
    readPulls: (value) => {
      const { number, html_url: url, merged, head } = giteaPull.parse(value);
      return merged ? [{ number, url, head: head?.sha ?? null }] : [];
    },
    commit: ({ project }, commit) => `${repositoryPath(project)}/git/commits/${commit}`,
    reviews: ({ project }, { number }, page) =>
      `${repositoryPath(project)}/pulls/${number}/reviews?limit=${pageOf.reviews}&page=${page}`,
    readReviews: (value) => {
      const found = giteaReviews.parse(value) ?? [];
      const reviews = found.flatMap(({ user, state, submitted_at: at = null, stale, dismissed }) =>
        user === null || !decides.has(state)
          ? []
          : { name: user.login, isApproval: state === 'APPROVED' && !dismissed, at, isEarlier: stale },
      );
      return { reviews, isLast: found.length < pageOf.reviews };
    },
  },
};
