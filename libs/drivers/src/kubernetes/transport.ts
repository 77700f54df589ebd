import { z } from 'zod';
import { RemoteFault, TerminalFault } from '../driver.js';
import { ApiConnection, type Json, type KubernetesTarget } from './connection.js';
import { fieldManager, ownSelector } from './names.js';
import { keyOf, type NetworkPolicy, type Service } from './objects.js';
import { sameContent } from './order.js';
import type { Cluster, ServiceEvent, StoredPolicy } from './session.js';
import type { ServiceSource } from './watch.js';

const text = z.record(z.string(), z.string());
/** What every object of the API has; of the rest nothing is said here. */
const storedObject = z.looseObject({
  metadata: z.looseObject({
    namespace: z.string(),
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    labels: text.default({}),
    annotations: text.default({}),
  }),
  spec: z.looseObject({}).default({}),
  status: z.looseObject({}).default({}),
});
type StoredObject = z.infer<typeof storedObject>;
const objectList = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  items: z.array(storedObject),
});

/** The objects of a point on an API server: how each change is made so that it hits what it is meant for. */
export class ApiTransport implements Cluster {
  private readonly api: ApiConnection;

  constructor(
    target: KubernetesTarget,
    private readonly namespaces: readonly string[],
    timeoutMilliseconds: number,
  ) {
    this.api = new ApiConnection(target, timeoutMilliseconds);
  }

  async list(): Promise<{ policies: StoredPolicy[]; services: Service[] }> {
    const policies: StoredPolicy[] = [];
    const services: Service[] = [];
    for (const namespace of this.namespaces) {
      const own = await this.api.send('GET', policiesPath(namespace), { query: { labelSelector: ownSelector } });
      policies.push(...read(objectList, own).items.map(storedOf));
      const all = await this.api.send('GET', servicesPath(namespace));
      services.push(...read(objectList, all).items.map(serviceOf));
    }
    return { policies, services };
  }

  /** Not by server-side apply: that would take over an object of somebody else's that has this name. */
  async create(policy: NetworkPolicy): Promise<void> {
    const answer = await this.api.send('POST', policiesPath(policy.metadata.namespace), {
      query: { fieldManager },
      body: { ...policy },
    });
    refuseOther(policy, storedOf(read(storedObject, answer)));
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
    const patched = await this.api.send('PATCH', path, { query, type, body: at(resourceVersion) });
    const applied = storedOf(read(storedObject, patched));
    if (sameContent(applied.policy, policy)) return;
    const answer = await this.api.send('PUT', path, { query: { fieldManager }, body: at(applied.resourceVersion) });
    refuseOther(policy, storedOf(read(storedObject, answer)));
  }

  async remove({ policy, uid, resourceVersion }: StoredPolicy): Promise<void> {
    await this.api.send('DELETE', pathOf(policy), {
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
    await this.api.send('POST', `/api/v1/namespaces/${namespace}/events`, { body });
  }

  close(): Promise<void> {
    return this.api.close();
  }
}

/** The services of a cluster, for who wants to know where they are. */
export class ApiServices implements ServiceSource {
  constructor(private readonly api: ApiConnection) {}

  async listServices(namespace: string): Promise<{ services: Service[]; version: string }> {
    const { items, metadata } = read(objectList, await this.api.send('GET', servicesPath(namespace)));
    return { services: items.map(serviceOf), version: metadata.resourceVersion };
  }

  nextChange(namespace: string, version: string, signal: AbortSignal): Promise<void> {
    return this.api.awaitChange(servicesPath(namespace), version, signal);
  }
}

function read<T>(schema: z.ZodType<T>, answer: Json): T {
  const found = schema.safeParse(answer);
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw new RemoteFault(
    `the API server's answer is not understood: ${[...(issue?.path ?? []), issue?.message].join(' ')}`,
  );
}

const servicesPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/services`;
const policiesPath = (namespace: string): string =>
  `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`;
const pathOf = ({ metadata }: NetworkPolicy): string => `${policiesPath(metadata.namespace)}/${metadata.name}`;
/** Without what the API server keeps for itself; whatever else stands in it stays, to be seen. */
function storedOf({ metadata, spec }: StoredObject): StoredPolicy {
  const { uid, resourceVersion, managedFields, creationTimestamp, generation, selfLink, ...rest } = metadata;
  const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: rest, spec };
  return { policy: policy as unknown as NetworkPolicy, uid, resourceVersion };
}

function serviceOf({ metadata: { namespace, name }, spec, status }: StoredObject): Service {
  const { type, selector, clusterIP, clusterIPs, externalIPs, externalTrafficPolicy, ports } = spec as Service['spec'];
  const known = { type, selector, clusterIP, clusterIPs, externalIPs, externalTrafficPolicy, ports };
  const present = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
  const { loadBalancer } = status as NonNullable<Service['status']>;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: present,
    ...(loadBalancer?.ingress && { status: { loadBalancer } }),
  };
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
