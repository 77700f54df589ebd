import { UsageError } from '../policy-files.js';

/** A forge said no, or nothing. `isDenied`: the token may not do it; trying again does not help. */
export class ForgeError extends UsageError {
  constructor(
    message: string,
    readonly isDenied: boolean,
    readonly isPassing: boolean,
    /** Seconds that the forge asks us to wait. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

export interface ForgeConnection {
  /** Without a slash at its end. */
  readonly api: string;
  /** With the token. */
  readonly headers: Readonly<Record<string, string>>;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

const answerTimeout = 30_000;
const mostPages = 200;

/** JSON over HTTP as forges speak it. Tokens and bodies are in no message. */
export class ForgeClient {
  constructor(private readonly connection: ForgeConnection) {
    checkUrl(connection.api);
  }

  async send<T>(method: string, path: string, body?: object): Promise<T> {
    return (await this.exchange(method, path, body)).value as T;
  }

  /** All items of a list, page by page, as long as the forge says that there is another. */
  async *list<T>(path: string): AsyncGenerator<T> {
    for (let page = 1; page <= mostPages; page++) {
      const at = page === 1 ? path : `${path}${path.includes('?') ? '&' : '?'}page=${page}`;
      const { value, hasNext } = await this.exchange('GET', at);
      yield* value as T[];
      if (!hasNext) return;
    }
    throw new ForgeError(`${this.connection.api}: a list has more than ${mostPages} pages`, false, false);
  }

  private async exchange(method: string, path: string, body?: object): Promise<{ value: unknown; hasNext: boolean }> {
    const { api, headers: own } = this.connection;
    const headers = { 'user-agent': 'cordon', ...own, ...(body && { 'content-type': 'application/json' }) };
    const signal = AbortSignal.timeout(answerTimeout);
    const text = body === undefined ? null : JSON.stringify(body);
    try {
      // A redirect would take the token to a place that nobody named.
      const answer = await fetch(`${api}${path}`, { method, headers, body: text, signal, redirect: 'manual' });
      const got = await answer.text();
      if (!answer.ok) throw refusal(`${method} ${api}${path}`, answer, got);
      const hasNext = /;\s*rel="?next"?/.test(answer.headers.get('link') ?? '');
      return { value: got === '' ? undefined : (JSON.parse(got) as unknown), hasNext };
    } catch (error) {
      if (error instanceof ForgeError) throw error;
      const { cause, message } = error as Error;
      const why = (cause as Error | undefined)?.message ?? message;
      throw new ForgeError(`${method} ${api}${path}: no good answer (${why})`, false, true);
    }
  }
}

/** The token must not travel in clear. */
function checkUrl(api: string): void {
  const url = URL.canParse(api) ? new URL(api) : null;
  const isHere = url !== null && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isHere)) return;
  throw new UsageError(
    `the forge's API at \`${api}\` is not https: the token would travel in clear; set --api to its https URL`,
  );
}

function refusal(request: string, answer: Response, text: string): ForgeError {
  const { status, headers } = answer;
  const after = headers.get('retry-after');
  const retryAfter = after !== null && /^\d{1,6}$/.test(after) ? Number(after) : null;
  // GitHub says 403 for a token that asked too often, and then when to come back.
  const isPassing = status >= 500 || status === 429 || status === 408 || (status === 403 && retryAfter !== null);
  const isDenied = !isPassing && (status === 401 || status === 403);
  return new ForgeError(`${request}: ${status}${messageOf(text)}`, isDenied, isPassing, retryAfter);
}

/** The forge's own words, on one line, cut. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    const words = typeof message === 'string' ? message : message === undefined ? '' : JSON.stringify(message);
    return words === '' ? '' : ` (${words.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 200)})`;
  } catch {
    return '';
  }
}

const waits = [1000, 2000, 4000, 8000];
const longestWait = 60_000;

/** Does it again while the fault may pass. `work` must do no harm when it is done twice. */
export async function retrying<T>(sleep: ForgeConnection['sleep'], work: () => Promise<T>): Promise<T> {
  for (const wait of waits) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ForgeError) || !error.isPassing) throw error;
      await sleep(Math.min(longestWait, Math.max(wait, (error.retryAfter ?? 0) * 1000)));
    }
  }
  return work();
}
