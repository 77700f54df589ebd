import type { Failure, SendLimits } from '../outbox/outbox-sender.js';
import type { ForgeTarget } from './forge-config.js';
import { forgeDialects, type ForgeRequest } from './forge-requests.js';

/** `value`: what it answered, if that is JSON. Null: it had been done before. */
export type ForgeAnswer =
  | { readonly ok: true; readonly value: unknown }
  /** `status`: null when it did not answer. */
  | ({ readonly ok: false; readonly status: number | null } & Failure);

/** Bytes of an answer that are looked at. */
const mostAnswer = 1024 * 1024;
/** The request is wrong, or what it asks for is not there to be changed: the same again gets the same answer. */
const finalStatuses = new Set([400, 405, 409, 410, 413, 422]);

/** `token`: other than that of the target, for what needs more than it may. */
export async function callForge(
  target: ForgeTarget,
  { path, body }: ForgeRequest,
  limits: SendLimits,
  token = target.token,
): Promise<ForgeAnswer> {
  const timeout = AbortSignal.timeout(limits.milliseconds);
  const dialect = forgeDialects[target.kind];
  try {
    const answer = await fetch(target.api + path, {
      method: body ? 'POST' : 'GET',
      headers: {
        ...dialect.headers(token),
        ...(body && { 'content-type': 'application/json' }),
        'user-agent': 'cordon',
      },
      body: body && JSON.stringify(body),
      // Elsewhere is not who was named, and the token would go there.
      redirect: 'manual',
      signal: AbortSignal.any([limits.signal, timeout]),
    });
    const value = parse(await textOf(answer));
    if (answer.ok) return { ok: true, value };
    const message = messageOf(value);
    const judged = dialect.judge(answer.status, message);
    if (judged === 'done') return { ok: true, value: null };
    const isFinal = judged === 'final' || finalStatuses.has(answer.status);
    return { ok: false, status: answer.status, problem: describe(answer.status, message), isFinal };
  } catch (error) {
    const problem = timeout.aborted
      ? `the forge did not answer within ${limits.milliseconds / 1000} seconds`
      : `the forge is not reached (${codeOf(error)})`;
    return { ok: false, status: null, problem, isFinal: false };
  }
}

const hints: Readonly<Record<number, string>> = {
  401: ': its token is not known there, or is over',
  403: ': its token may not do this',
  404: ': there is no such project, or its token may not see it',
};

function describe(status: number, message: string): string {
  const said = message === '' ? '' : ` (${message})`;
  return `the forge answered ${status}${said}${hints[status] ?? ''}`;
}

async function textOf(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > mostAnswer) break;
  }
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** All three say why in `message`; GitLab sometimes by field, GitHub with more in `errors`. */
function messageOf(value: unknown): string {
  const { message, errors } = (value ?? {}) as { message?: unknown; errors?: unknown };
  const parts = [message, errors].filter((part) => part !== undefined && part !== null);
  const text = parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' ');
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 300);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { cause } = error as { cause?: { readonly code?: string; readonly message?: string } };
  return cause?.code ?? cause?.message ?? error.name;
}
