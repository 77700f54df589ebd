import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FieldConflict, FieldOwners, type Json } from './field-owners.js';

interface Metadata extends Json {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}
interface Stored {
  object: Json & { readonly metadata: Metadata };
  readonly owners: FieldOwners;
}
interface Watcher {
  readonly namespace: string;
  readonly resource: string;
  readonly response: ServerResponse;
}

class Refused extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

const kinds = { networkpolicies: 'NetworkPolicy', services: 'Service', events: 'Event' } as const;
const pattern =
  /^\/(?:api\/v1|apis\/networking\.k8s\.io\/v1)\/namespaces\/([^/]+)\/(networkpolicies|services|events)(?:\/([^/]+))?$/;

/**
 * An API server for tests that need no real one, over HTTPS: list, get, watch, create, update, server-side apply with field
 * owners, delete with preconditions; for the kinds of object that the driver deals with. It is as strict as the real one about
 * what the driver relies on. `good` is the token of someone who may everything, `powerless` of someone who may nothing.
 */
export class KubeApiServer {
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'cordon-kube-'));
  private readonly objects = new Map<string, Stored>();
  private readonly watchers = new Set<Watcher>();
  private readonly log: LoggedEvent[] = [];
  private server: Server | null = null;
  private port = 0;
  private version = 0;
  /** Requests that changed something, `METHOD NAMESPACE/NAME`, in order. */
  readonly changes: string[] = [];
  /** While true, requests are taken and never answered. */
  isSilent = false;
  /** False: as before Kubernetes 1.25, `endPort` is dropped. */
  hasRanges = true;

  constructor() {
    for (const name of ['server', 'other'])
      execFileSync(
        'openssl',
        `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=${name} -addext subjectAltName=IP:127.0.0.1 -keyout ${name}.key -out ${name}.pem`.split(
          ' ',
        ),
        { cwd: this.folder, stdio: 'ignore' },
      );
  }

  async start(): Promise<void> {
    const file = (name: string): Buffer => readFileSync(path.join(this.folder, name));
    const server = createServer({ key: file('server.key'), cert: file('server.pem') }, (request, response) => {
      void this.handle(request, response);
    });
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  /** What is stored stays. */
  async stop(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.watchers.clear();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    this.server = null;
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }

  kubeconfig({ token = 'good', authority = 'server', port = this.port, extra = {}, scheme = 'https' } = {}): string {
    const file = path.join(
      this.folder,
      `kubeconfig-${token}-${authority}-${port}-${scheme}-${Object.keys(extra).join('-')}`,
    );
    const named = (kind: string, value: Json) => [{ name: 'test', [kind]: value }];
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: named('cluster', {
        server: `${scheme}://127.0.0.1:${port}`,
        'certificate-authority': path.join(this.folder, `${authority}.pem`),
        ...extra,
      }),
      users: named('user', { token }),
      contexts: named('context', { cluster: 'test', user: 'test' }),
      'current-context': 'test',
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  /** As by `kubectl`. */
  put(resource: keyof typeof kinds, object: Json, manager = 'kubectl'): void {
    const { namespace, name } = object['metadata'] as Metadata;
    const key = `${resource} ${namespace}/${name}`;
    const known = this.objects.get(key);
    this.save(key, known ?? this.empty(namespace, name), object, manager);
  }

  delete(resource: keyof typeof kinds, key: string): void {
    const stored = this.objects.get(`${resource} ${key}`);
    if (stored) this.emit(resource, 'DELETED', stored);
    this.objects.delete(`${resource} ${key}`);
  }

  get(resource: keyof typeof kinds, key: string): Json | null {
    return this.objects.get(`${resource} ${key}`)?.object ?? null;
  }

  all(resource: keyof typeof kinds): Json[] {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(`${resource} `)).sort();
    return keys.map((key) => this.objects.get(key)!.object);
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.isSilent) return;
    const url = new URL(request.url ?? '', 'https://127.0.0.1');
    const reply = (status: number, body: Json): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    try {
      const [, namespace = '', resource = '', name] =
        pattern.exec(url.pathname) ?? refuse(404, 'NotFound', 'no such path');
      this.authorize(request, resource);
      if (url.searchParams.get('watch') === 'true')
        return this.watch({ namespace, resource, response }, Number(url.searchParams.get('resourceVersion')));
      const body = chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString()) as Json) : {};
      const answer = this.answer(request, { namespace, resource: resource as keyof typeof kinds, name, body, url });
      reply(request.method === 'POST' ? 201 : 200, answer);
    } catch (error) {
      const refused = error instanceof Refused ? error : new Refused(500, 'InternalError', String(error));
      reply(refused.status, { kind: 'Status', status: 'Failure', reason: refused.reason, message: refused.message });
    }
  }

  private authorize({ headers }: IncomingMessage, resource: string): void {
    if (headers.authorization === 'Bearer powerless') refuse(403, 'Forbidden', `${resource} is forbidden`);
    if (headers.authorization !== 'Bearer good') refuse(401, 'Unauthorized', 'Unauthorized');
  }

  private answer({ method = '', headers }: IncomingMessage, of: Asked): Json {
    const { namespace, resource, name, url } = of;
    const manager = url.searchParams.get('fieldManager') ?? 'unknown';
    if (!name && method === 'GET') return this.list(of);
    const given = (of.body['metadata'] ?? {}) as Partial<Metadata> & { generateName?: string };
    if (method !== 'GET')
      this.changes.push(`${method} ${namespace}/${name ?? given.name ?? String(given.generateName)}`);
    if (method === 'POST') {
      const fresh = given.name ?? `${String(given.generateName)}${++this.version}`;
      const key = `${resource} ${namespace}/${fresh}`;
      if (this.objects.has(key)) refuse(409, 'AlreadyExists', `${resource} "${fresh}" already exists`);
      return this.save(key, this.empty(namespace, fresh), of.body, manager);
    }
    const key = `${resource} ${namespace}/${name}`;
    const stored = this.objects.get(key) ?? refuse(404, 'NotFound', `${resource} "${name}" not found`);
    const meant = method === 'DELETE' ? ((of.body['preconditions'] ?? {}) as Partial<Metadata>) : given;
    for (const field of ['uid', 'resourceVersion'] as const)
      if (meant[field] !== undefined && meant[field] !== stored.object.metadata[field])
        refuse(409, 'Conflict', `the ${field} in the precondition does not match`);
    if (method === 'GET') return stored.object;
    if (method === 'PUT') return this.save(key, stored, of.body, manager);
    if (method === 'DELETE') {
      this.delete(resource, `${namespace}/${name}`);
      return { kind: 'Status', status: 'Success' };
    }
    if (method !== 'PATCH' || headers['content-type'] !== 'application/apply-patch+yaml')
      refuse(415, 'UnsupportedMediaType', method);
    try {
      const isForced = url.searchParams.get('force') === 'true';
      return this.store(key, stored, stored.owners.apply(manager, stored.object, this.admitted(of.body), isForced));
    } catch (error) {
      if (error instanceof FieldConflict) refuse(409, 'Conflict', error.message);
      throw error;
    }
  }

  private empty(namespace: string, name: string): Stored {
    const metadata = { namespace, name, uid: `uid-${++this.version}`, resourceVersion: '' };
    return { object: { metadata }, owners: new FieldOwners() };
  }

  private list({ namespace, resource, url }: Asked): Json {
    const [label, value] = (url.searchParams.get('labelSelector') ?? '').split('=');
    const items = this.all(resource).filter(({ metadata }) => {
      const { labels = {}, namespace: own } = metadata as { labels?: Json; namespace: string };
      return own === namespace && (!label || labels[label] === value);
    });
    return {
      kind: `${kinds[resource]}List`,
      apiVersion: 'v1',
      metadata: { resourceVersion: String(this.version) },
      items,
    };
  }

  private save(key: string, stored: Stored, given: Json, manager: string): Json {
    const wanted = this.admitted(given);
    stored.owners.update(manager, stored.object, wanted);
    return this.store(key, stored, wanted);
  }

  private store(key: string, stored: Stored, wanted: Json): Json {
    const { namespace, name, uid } = stored.object.metadata;
    const { labels, annotations, finalizers, ownerReferences } = (wanted['metadata'] ?? {}) as Json;
    const isNew = !this.objects.has(key);
    const resourceVersion = String(++this.version);
    const managed = { creationTimestamp: '2026-01-01T00:00:00Z', managedFields: stored.owners.managedFields };
    const metadata = {
      namespace,
      name,
      uid,
      resourceVersion,
      labels,
      annotations,
      finalizers,
      ownerReferences,
      ...managed,
    };
    stored.object = JSON.parse(JSON.stringify({ ...wanted, metadata })) as Stored['object'];
    this.objects.set(key, stored);
    this.emit(key.split(' ')[0]!, isNew ? 'ADDED' : 'MODIFIED', stored);
    return stored.object;
  }

  /** What the real one refuses in NetworkPolicies, and the fields that it leaves out when they are empty. */
  private admitted(object: Json): Json {
    const text = JSON.stringify(object, (key, value: unknown) => {
      if (key === 'endPort' && !this.hasRanges) return undefined;
      return (key === 'ingress' || key === 'egress' || key === 'except') && Array.isArray(value) && value.length === 0
        ? undefined
        : value;
    });
    for (const [, address = '', length = ''] of text.matchAll(/"([0-9a-f.:]+)\/(\d+)"/g))
      if (Number(length) > (address.includes(':') ? 128 : 32))
        refuse(422, 'Invalid', `${address}/${length} is no valid CIDR`);
    for (const [, port] of text.matchAll(/"port":(\d+)/g))
      if (Number(port) < 1 || Number(port) > 65_535) refuse(422, 'Invalid', 'must be between 1 and 65535, inclusive');
    return JSON.parse(text) as Json;
  }

  /** All that happened after this version, and then what happens. */
  private watch(watcher: Watcher, since: number): void {
    watcher.response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    this.watchers.add(watcher);
    watcher.response.on('close', () => this.watchers.delete(watcher));
    for (const event of this.log) if (event.version > since) send(watcher, event);
  }

  private emit(resource: string, type: string, { object }: Stored): void {
    const event = { resource, type, object, version: type === 'DELETED' ? ++this.version : this.version };
    this.log.push(event);
    for (const watcher of this.watchers) send(watcher, event);
  }
}

interface LoggedEvent {
  readonly resource: string;
  readonly type: string;
  readonly object: Stored['object'];
  readonly version: number;
}

function send({ namespace, resource, response }: Watcher, event: LoggedEvent): void {
  const { type, object } = event;
  if (event.resource === resource && object.metadata.namespace === namespace)
    response.write(`${JSON.stringify({ type, object })}\n`);
}

interface Asked {
  readonly namespace: string;
  readonly resource: keyof typeof kinds;
  readonly name: string | undefined;
  readonly body: Json;
  readonly url: URL;
}

function refuse(status: number, reason: string, message: string): never {
  throw new Refused(status, reason, message);
}
