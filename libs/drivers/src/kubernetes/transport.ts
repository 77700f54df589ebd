import type { KubeConfig, RequestContext } from '@kubernetes/client-node';
import { RemoteFault, TerminalFault, type EnforcementTarget } from '../driver.js';
import { faultOfAnswer, faultOfError } from './faults.js';
import { fieldManager, ownSelector } from './names.js';
import { keyOf, type NetworkPolicy, type Service } from './objects.js';
import { sameContent } from './order.js';
import type { Cluster, ServiceEvent, StoredPolicy } from './session.js';

export type KubernetesTarget = Extract<EnforcementTarget, { readonly kind: 'kubernetes' }>;

type Json = Readonly<Record<string, unknown>>;
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Request {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Json;
  readonly type?: string;
}

interface StoredObject {
  readonly metadata: Json & {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
  readonly spec?: Json;
}

/** The client loads every type that Kubernetes has; only who has such a point pays for it. */
const loadClient = () => import('@kubernetes/client-node');

/**
 * An API server over HTTPS. The client of the Kubernetes project reads the kubeconfig, authenticates and sends; answers are read as they
 * are, for its own types drop fields that they don't know, and those are what must not be overlooked.
 */
export class ApiTransport implements Cluster {
  private config: KubeConfig | null = null;
  /** Connections are kept from one request to the next. */
  private dispatcher: ReturnType<RequestContext['getDispatcher']>;

  constructor(
    private readonly target: KubernetesTarget,
    private readonly namespaces: readonly string[],
    private readonly timeoutMilliseconds: number,
  ) {}

  async list(): Promise<{ policies: StoredPolicy[]; services: Service[] }> {
    const policies: StoredPolicy[] = [];
    const services: Service[] = [];
    for (const namespace of this.namespaces) {
      const own = await this.send('GET', policiesPath(namespace), { query: { labelSelector: ownSelector } });
      policies.push(...itemsOf(own).map(storedOf));
      const all = await this.send('GET', `/api/v1/namespaces/${namespace}/services`);
      services.push(...itemsOf(all).map(serviceOf));
    }
    return { policies, services };
  }

  /** Not by server-side apply: that would take over an object of somebody else's that has this name. */
  async create(policy: NetworkPolicy): Promise<void> {
    const answer = await this.send('POST', policiesPath(policy.metadata.namespace), {
      query: { fieldManager },
      body: { ...policy },
    });
    refuseOther(policy, storedOf(answer as unknown as StoredObject));
  }

  /** Server-side apply takes our fields back; what others added that we don't have is left to a plain update. */
  async replace(policy: NetworkPolicy, { uid, resourceVersion }: StoredPolicy): Promise<void> {
    const path = pathOf(policy);
    const at = (version: string): Json => ({
      ...policy,
      metadata: { ...policy.metadata, uid, resourceVersion: version },
    });
    const query = { fieldManager, force: 'true' };
    const type = 'application/apply-patch+yaml';
    const applied = storedOf(
      (await this.send('PATCH', path, { query, type, body: at(resourceVersion) })) as unknown as StoredObject,
    );
    if (sameContent(applied.policy, policy)) return;
    const answer = await this.send('PUT', path, { query: { fieldManager }, body: at(applied.resourceVersion) });
    refuseOther(policy, storedOf(answer as unknown as StoredObject));
  }

  async remove({ policy, uid, resourceVersion }: StoredPolicy): Promise<void> {
    await this.send('DELETE', pathOf(policy), {
      body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } },
    });
  }

  async tell({ service, isWarning, reason, message }: ServiceEvent): Promise<void> {
    const { namespace, name } = service.metadata;
    const now = new Date().toISOString();
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, generateName: `${name}.cordon.` },
      involvedObject: { apiVersion: 'v1', kind: 'Service', namespace, name },
      type: isWarning ? 'Warning' : 'Normal',
      reason,
      message: message.slice(0, 1024),
      source: { component: fieldManager },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
    await this.send('POST', `/api/v1/namespaces/${namespace}/events`, { body });
  }

  async close(): Promise<void> {
    await this.dispatcher?.destroy();
    this.dispatcher = undefined;
  }

  private async send(method: Method, path: string, request: Request = {}): Promise<Json> {
    const what = `${method} ${path}`;
    try {
      return await this.exchange(method, path, request);
    } catch (error) {
      // Whatever was read from files may have changed since.
      this.config = null;
      await this.close();
      throw faultOfError(what, error);
    }
  }

  private async exchange(method: Method, path: string, { query = {}, body, type }: Request): Promise<Json> {
    const { IsomorphicFetchHttpLibrary, RequestContext } = await loadClient();
    this.config ??= await loadConfig(this.target);
    const url = new URL(this.config.getCurrentCluster()!.server.replace(/\/$/, '') + path);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    const context = new RequestContext(url.toString(), method);
    await this.config.applySecurityAuthentication(context);
    this.dispatcher ??= context.getDispatcher();
    if (this.dispatcher) context.setDispatcher(this.dispatcher);
    context.setSignal(AbortSignal.timeout(this.timeoutMilliseconds));
    context.setHeaderParam('Accept', 'application/json');
    context.setHeaderParam('User-Agent', fieldManager);
    if (body) {
      context.setHeaderParam('Content-Type', type ?? 'application/json');
      context.setBody(JSON.stringify(body));
    }
    const answer = await new IsomorphicFetchHttpLibrary().send(context).toPromise();
    const text = await answer.body.text();
    const json = readJson(text);
    if (answer.httpStatusCode >= 300 || !json) {
      const { reason = '', message = text } = (json ?? {}) as { reason?: string; message?: string };
      throw faultOfAnswer(`${method} ${path}`, { status: answer.httpStatusCode, reason, message });
    }
    return json;
  }
}

/** A file that names no cluster, or one that may not be trusted, is the admin's to put right. */
export async function loadConfig({ kubeconfig, context }: KubernetesTarget): Promise<KubeConfig> {
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

function readJson(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Json) : null;
  } catch {
    return null;
  }
}

const policiesPath = (namespace: string): string =>
  `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`;
const pathOf = ({ metadata }: NetworkPolicy): string => `${policiesPath(metadata.namespace)}/${metadata.name}`;
const itemsOf = (list: Json): StoredObject[] => {
  if (!Array.isArray(list['items'])) throw new RemoteFault('the API server answered without a list');
  return list['items'] as StoredObject[];
};

/** Without what the API server keeps for itself; whatever else stands in it stays, to be seen. */
function storedOf({ metadata, spec }: StoredObject): StoredPolicy {
  const { uid, resourceVersion, managedFields, creationTimestamp, generation, selfLink, ...rest } = metadata;
  const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: rest, spec };
  return { policy: policy as unknown as NetworkPolicy, uid, resourceVersion };
}

function serviceOf({ metadata: { namespace, name }, spec = {} }: StoredObject): Service {
  const { type, selector, clusterIP, externalIPs, externalTrafficPolicy, ports } = spec as Service['spec'];
  const known = { type, selector, clusterIP, externalIPs, externalTrafficPolicy, ports };
  const present = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: present };
}

/** An API server drops fields that it does not know without a word. */
function refuseOther(wanted: NetworkPolicy, { policy }: StoredPolicy): void {
  if (sameContent(policy, wanted)) return;
  const hasRange = JSON.stringify(wanted).includes('"endPort"') && !JSON.stringify(policy).includes('"endPort"');
  throw new TerminalFault(
    `the API server keeps something else of ${keyOf(wanted)} than it was told` +
      (hasRange
        ? ' (it knows no ranges of ports: set the option `portRanges` of the point to `no`)'
        : ' (does a webhook change NetworkPolicies?)'),
  );
}
