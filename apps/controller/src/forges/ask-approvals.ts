import { ZodError } from 'zod';
import type { Failure, SendLimits } from '../outbox/outbox-sender.js';
import type { Approval } from '../policy/approvals.js';
import { approvalDialects, type MergedPull, type Review } from './approval-requests.js';
import { callForge, type ForgeAnswer } from './call-forge.js';
import type { ForgeTarget } from './forge-config.js';

type ForgeApproval = Extract<Approval, { readonly kind: 'forge' }>;

/** `pull`: the pull request that brought the commit; null: none did. */
export type ApprovalAnswer =
  | { readonly ok: true; readonly pull: string | null; readonly approvals: readonly ForgeApproval[] }
  | ({ readonly ok: false } & Failure);

/** Reviews of one pull request are looked at up to this many pages. */
const mostPages = 10;
const mostApprovals = 50;

/** Who approved the pull request that a commit came by, as the forge says. */
export async function askApprovals(target: ForgeTarget, commit: string, limits: SendLimits): Promise<ApprovalAnswer> {
  const ask = (path: string): Promise<ForgeAnswer> => callForge(target, { path, body: null }, limits);
  const dialect = approvalDialects[target.kind];
  try {
    const found = await ask(dialect.pulls(target, commit));
    if (!found.ok) return (await isWithoutPull(target, commit, found, ask)) ? none : found;
    const [pull] = dialect.readPulls(found.value);
    if (!pull) return none;
    const reviews = await readReviews(target, pull, ask);
    return 'ok' in reviews ? reviews : { ok: true, pull: shown(pull.url), approvals: approvalsOf(pull, reviews) };
  } catch (error) {
    if (!(error instanceof ZodError)) throw error;
    const problem = `the answer of the forge is not understood (${error.issues[0]?.path.join('.')}: ${error.issues[0]?.message})`;
    return { ok: false, problem, isFinal: true };
  }
}

const none: ApprovalAnswer = { ok: true, pull: null, approvals: [] };

/** Gitea has nothing there where no pull request brought the commit; it also has nothing there for who may not see the project. */
async function isWithoutPull(
  target: ForgeTarget,
  commit: string,
  { status }: { readonly status: number | null },
  ask: (path: string) => Promise<ForgeAnswer>,
): Promise<boolean> {
  const path = status === 404 ? approvalDialects[target.kind].commit(target, commit) : null;
  return path !== null && (await ask(path)).ok;
}

async function readReviews(
  target: ForgeTarget,
  pull: MergedPull,
  ask: (path: string) => Promise<ForgeAnswer>,
): Promise<Review[] | (Failure & { readonly ok: false })> {
  const dialect = approvalDialects[target.kind];
  const all: Review[] = [];
  for (let page = 1; page <= mostPages; page++) {
    const answer = await ask(dialect.reviews(target, pull, page));
    if (!answer.ok) return answer;
    const { reviews, isLast } = dialect.readReviews(answer.value, pull);
    all.push(...reviews);
    if (isLast) break;
  }
  return all;
}

/** What an account said last counts. */
function approvalsOf({ url }: MergedPull, reviews: readonly Review[]): ForgeApproval[] {
  const last = new Map(reviews.map((review) => [review.name, review]));
  const approving = [...last.values()].filter(({ isApproval }) => isApproval).slice(0, mostApprovals);
  return approving.map(({ name, at, isEarlier }) => ({
    kind: 'forge',
    name: shown(name),
    pull: shown(url),
    at: at === null || Number.isNaN(Date.parse(at)) ? null : new Date(at).toISOString(),
    isEarlier,
  }));
}

/** For terminals, too. */
// oxlint-disable-next-line no-control-regex
const shown = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, 300);
