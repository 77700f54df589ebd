import type { KubeConfig, RequestContext, ResponseContext } from '@kubernetes/client-node';
import { TerminalFault, type EnforcementTarget } from '../driver.js';
import { faultOfAnswer, faultOfError } from './faults.js';
import { fieldManager } from './names.js';

export type KubernetesTarget = Extract<EnforcementTarget, { readonly kind: 'kubernetes' }>;
export type Json = Readonly<Record<string, unknown>>;
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Request {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Json;
  readonly type?: string;
}

/** The client loads every type that Kubernetes has; only who has such a point pays for it. */
const loadClient = () => import('@kubernetes/client-node');

/**
 * One API server over HTTPS. The client of the Kubernetes project reads the kubeconfig, authenticates and sends; answers are read as they
 * are, for its own types drop fields that they don't know, and those are what must not be overlooked.
 */
export class ApiConnection {
  private config: KubeConfig | null = null;
  /** Connections are kept from one request to the next. */
  private dispatcher: ReturnType<RequestContext['getDispatcher']>;

  constructor(
    private readonly target: KubernetesTarget,
    private readonly timeoutMilliseconds: number,
  ) {}

  /** The object that the server answers with. Rejects with `RemoteFault` or `TerminalFault` only. */
  send(method: Method, path: string, request: Request = {}): Promise<Json> {
    return this.faulting(`${method} ${path}`, async () => {
      const answer = await this.exchange(method, path, request, () => AbortSignal.timeout(this.timeoutMilliseconds));
      const text = await answer.body.text();
      const json = readJson(text);
      if (answer.httpStatusCode < 300 && json) return json;
      throw refusalOf(`${method} ${path}`, answer.httpStatusCode, text);
    });
  }

  /** Resolves at the first that a watch has to say, or when the server ends it after a minute. */
  awaitChange(path: string, version: string, until: AbortSignal): Promise<void> {
    const query = { watch: 'true', resourceVersion: version, timeoutSeconds: '60' };
    // A server that went away without a word is one that has nothing to say any more: who waits will ask it.
    const limit = (): AbortSignal => AbortSignal.any([until, AbortSignal.timeout(60_000 + this.timeoutMilliseconds)]);
    return this.faulting(`watch ${path}`, async () => {
      const answer = await this.exchange('GET', path, { query }, limit);
      if (answer.httpStatusCode !== 200)
        throw refusalOf(`watch ${path}`, answer.httpStatusCode, await answer.body.text());
      const reader = answer.body.stream()?.getReader();
      await reader?.read();
      await reader?.cancel();
    });
  }

  async close(): Promise<void> {
    await this.dispatcher?.destroy();
    this.dispatcher = undefined;
  }

  private async faulting<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // Whatever was read from files may have changed since.
      this.config = null;
      await this.close();
      throw faultOfError(what, error);
    }
  }

  private async exchange(
    method: Method,
    path: string,
    { query = {}, body, type }: Request,
    limit: () => AbortSignal,
  ): Promise<ResponseContext> {
    const { IsomorphicFetchHttpLibrary, RequestContext } = await loadClient();
    this.config ??= await loadConfig(this.target);
    const url = new URL(this.config.getCurrentCluster()!.server.replace(/\/$/, '') + path);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    const context = new RequestContext(url.toString(), method);
    const signal = limit();
    // A kubeconfig may name a program, or another server, that gives the token: these may hang too.
    await before(signal, this.config.applySecurityAuthentication(context));
    this.dispatcher ??= context.getDispatcher();
    if (this.dispatcher) context.setDispatcher(this.dispatcher);
    context.setSignal(signal);
    context.setHeaderParam('Accept', 'application/json');
    context.setHeaderParam('User-Agent', fieldManager);
    if (body) {
      context.setHeaderParam('Content-Type', type ?? 'application/json');
      context.setBody(JSON.stringify(body));
    }
    return new IsomorphicFetchHttpLibrary().send(context).toPromise();
  }
}

function before<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const ended = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  return Promise.race([work, ended]);
}

/** A file that names no cluster, or one that may not be trusted, is the admin's to put right. */
async function loadConfig({ kubeconfig, context }: KubernetesTarget): Promise<KubeConfig> {
  const { KubeConfig } = await loadClient();
  const config = new KubeConfig();
  try {
    if (kubeconfig === null) config.loadFromCluster();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new TerminalFault(`the kubeconfig can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (context !== null) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (!cluster || !URL.canParse(cluster.server))
    throw new TerminalFault(
      `the kubeconfig has no cluster for ${context === null ? 'its current context' : `context \`${context}\``}`,
    );
  if (cluster.skipTLSVerify || !cluster.server.startsWith('https:'))
    throw new TerminalFault(
      'the kubeconfig does not check who the API server is: give it an https address and the authority’s certificate',
    );
  return config;
}

function refusalOf(what: string, status: number, text: string): Error {
  const { reason = '', message = text } = (readJson(text) ?? {}) as { reason?: string; message?: string };
  return faultOfAnswer(what, { status, reason, message });
}

function readJson(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Json) : null;
  } catch {
    return null;
  }
}
