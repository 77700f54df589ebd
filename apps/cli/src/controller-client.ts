import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { UsageError } from './policy-files.js';

export interface ControllerOptions {
  readonly url: string;
  readonly token: string;
}

/** What commands that ask the controller take. A token is no option: everybody on the machine can read a command line. */
export interface ControllerArguments {
  readonly controller?: string;
  readonly tokenFile?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The controller said no, or nothing. `status`: of its answer; null when there was none. */
export class ControllerError extends UsageError {
  constructor(
    message: string,
    readonly status: number | null,
  ) {
    super(message);
  }
}

const defaultUrl = 'http://127.0.0.1:8080';
const answerTimeout = 30_000;

/** For `--help` of groups of commands that take `ControllerArguments`. */
export const controllerVariables = `
The controller is that of --controller or CORDON_CONTROLLER_URL (default: ${defaultUrl}). The API token is in CORDON_TOKEN, or in
the file that --token-file or CORDON_TOKEN_FILE names.`;

/** The options of a command that asks the controller. */
export const asked = (command: Command, tokenNote = ''): Command =>
  mayAsk(command, tokenNote).option('--json', 'machine-readable output');

/** The same for a command that asks it only when it is told to. */
export const mayAsk = (command: Command, tokenNote = ''): Command =>
  command
    .option('--controller <url>', 'URL of the controller')
    .option('--token-file <file>', `file that holds an API token${tokenNote}`)
    .addHelpText('after', controllerVariables);

/** Options win over the environment. Throws with what to set. */
export function readControllerOptions(options: ControllerArguments, env: Environment): ControllerOptions {
  const url = (options.controller ?? (env['CORDON_CONTROLLER_URL']?.trim() || defaultUrl)).replace(/\/+$/, '');
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new UsageError(`\`${url}\` is not the URL of a controller, for example ${defaultUrl}`);
  if (isInTheClear(url) && env['CORDON_CONTROLLER_INSECURE'] !== '1')
    throw new UsageError(
      `\`${url}\`: the API token would go over the network in the clear; give https://…, or set CORDON_CONTROLLER_INSECURE=1 where something else protects the way`,
    );
  const file = options.tokenFile ?? env['CORDON_TOKEN_FILE'];
  const token = options.tokenFile === undefined && env['CORDON_TOKEN'] ? env['CORDON_TOKEN'] : file && readToken(file);
  if (!token?.trim())
    throw new UsageError('which API token? Set CORDON_TOKEN, or name a file with --token-file or CORDON_TOKEN_FILE');
  return { url, token: token.trim() };
}

function isInTheClear(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol !== 'https:' && !/^(127(\.\d+){3}|\[::1\]|localhost)$/.test(hostname);
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`the token file ${file} can't be read: ${(error as Error).message}`);
  }
}

interface Body {
  readonly type: string;
  readonly text: string;
}

const jsonBody = (value: unknown): Body => ({ type: 'application/json', text: JSON.stringify(value) });

/**
 * Asks the controller's API. Paths begin with `/api/v1/`; who calls encodes what stands in them. Whatever goes wrong is a
 * `ControllerError` with one line for people; tokens and bodies are never in it.
 */
export class ControllerClient {
  constructor(private readonly options: ControllerOptions) {}

  get<T>(path: string): Promise<T> {
    return this.send<T>('GET', path);
  }

  /** `body` goes as JSON. An answer without content is `undefined`. */
  send<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.exchange(method, path, body === undefined ? null : jsonBody(body));
  }

  /** Lines of JSON. */
  sendLines<T>(path: string, text: string): Promise<T> {
    return this.sendText(path, 'application/x-ndjson', text);
  }

  sendText<T>(path: string, type: string, text: string): Promise<T> {
    return this.exchange('POST', path, { type, text });
  }

  private async exchange<T>(method: string, path: string, body: Body | null): Promise<T> {
    const answer = await this.ask(method, path, body, AbortSignal.timeout(answerTimeout));
    try {
      const text = await answer.text();
      return (text === '' ? undefined : JSON.parse(text)) as T;
    } catch (error) {
      if (error instanceof SyntaxError) throw new ControllerError(this.isNone('its answer is not JSON'), answer.status);
      throw this.unreachable(error);
    }
  }

  /** A file of any size, piece by piece; the first piece must come within `seconds`. */
  async *download(path: string, seconds: number): AsyncGenerator<Uint8Array> {
    const stop = new AbortController();
    const late = setTimeout(() => stop.abort(new DOMException('no answer', 'TimeoutError')), seconds * 1000);
    try {
      const { body } = await this.ask('GET', path, null, stop.signal).finally(() => clearTimeout(late));
      yield* body!;
    } catch (error) {
      throw error instanceof ControllerError ? error : this.unreachable(error);
    } finally {
      stop.abort();
    }
  }

  /** The lines of an endless answer, as they come; ends when the controller ends it. Stop by leaving the loop. */
  async *stream(path: string): AsyncGenerator<string> {
    const stop = new AbortController();
    const late = setTimeout(() => stop.abort(new DOMException('no answer', 'TimeoutError')), answerTimeout);
    try {
      const { body } = await this.ask('GET', path, null, stop.signal).finally(() => clearTimeout(late));
      yield* linesOf(body!);
    } catch (error) {
      throw error instanceof ControllerError ? error : this.unreachable(error);
    } finally {
      stop.abort();
    }
  }

  private async ask(method: string, path: string, body: Body | null, signal: AbortSignal): Promise<Response> {
    const headers = {
      authorization: `Bearer ${this.options.token}`,
      ...(body && { 'content-type': body.type }),
    };
    const text = body?.text ?? null;
    let answer: Response;
    try {
      // A redirect would take token and body to a place that nobody named.
      answer = await fetch(`${this.options.url}${path}`, { method, headers, body: text, signal, redirect: 'manual' });
    } catch (error) {
      throw this.unreachable(error);
    }
    if (answer.ok) return answer;
    throw new ControllerError(await this.refusal(answer), answer.status);
  }

  private async refusal(answer: Response): Promise<string> {
    const { status } = answer;
    const problem = problemOf(await answer.text().catch(() => ''));
    if (status >= 300 && status < 400)
      return this.isNone(`it redirects to ${answer.headers.get('location') ?? 'another place'}`);
    if (status === 401)
      return `the controller at ${this.options.url} does not know this token: set CORDON_TOKEN to one of its tokens`;
    if (status === 403) return `not allowed: ${problem ?? 'the role of this token is too small'}`;
    return problem ?? this.isNone(`it answered ${status}`);
  }

  private isNone(why: string): string {
    return `${this.options.url} does not seem to be a controller (${why}): check --controller or CORDON_CONTROLLER_URL`;
  }

  private unreachable(error: unknown): ControllerError {
    const why = reasonOf(error);
    const hint = 'is it running, and is this its URL? (--controller or CORDON_CONTROLLER_URL)';
    return new ControllerError(`the controller at ${this.options.url} can't be reached: ${why}; ${hint}`, null);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name server does not answer',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted here (NODE_EXTRA_CA_CERTS names more authorities)',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted here (NODE_EXTRA_CA_CERTS names more authorities)',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted here (NODE_EXTRA_CA_CERTS names more authorities)',
};

/** `fetch` hides what happened in the cause of its error. */
function reasonOf(error: unknown): string {
  const { name, cause, message } = error as Error;
  if (name === 'TimeoutError') return `no answer within ${answerTimeout / 1000} seconds`;
  const { code, message: inner } = (cause ?? error) as { code?: string; message?: string };
  return (code === undefined ? undefined : reasons[code]) ?? (inner || code || message);
}

interface Problem {
  readonly detail?: unknown;
  readonly errors?: readonly { readonly pointer?: unknown; readonly detail?: unknown }[];
}

/** The words of a problem+json (RFC 9457), with each field that it names; null when the text is none. */
function problemOf(text: string): string | null {
  try {
    const { detail, errors } = JSON.parse(text) as Problem;
    if (typeof detail !== 'string') return null;
    return [detail, ...(errors ?? []).map((each) => `  ${String(each.pointer)}: ${String(each.detail)}`)].join('\n');
  } catch {
    return null;
  }
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest) yield rest;
}
