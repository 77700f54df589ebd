import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createKubernetesDriver, RemoteFault, TerminalFault, type EnforcementSession } from '#drivers';
import type { EnforcementState } from '#model';
import { describeConformance, type ConformanceFixture } from '../../libs/drivers/src/conformance.js';
import { samplesFor } from '../../libs/drivers/src/conformance-states.js';
import type { FaultInjector } from '../../libs/drivers/src/fault-injection.js';
import { ApiConnection } from '../../libs/drivers/src/kubernetes/connection.js';
import { judgeByPolicies } from '../../libs/drivers/src/kubernetes/evaluate.js';
import type { NetworkPolicy } from '../../libs/drivers/src/kubernetes/objects.js';
import { KubernetesSession } from '../../libs/drivers/src/kubernetes/session.js';
import {
  clinicalServices,
  clusterChanges,
  foreignPolicy,
  halfChange,
  tamperings,
  wordless,
} from '../../libs/drivers/src/kubernetes/tampering.js';
import { ApiServices, ApiTransport } from '../../libs/drivers/src/kubernetes/transport.js';
import { ApiServer, missingBinaries } from '../lab/kubernetes/apiserver.js';

const missing = missingBinaries();
if (missing.length > 0) {
  const message = `a real Kubernetes API server is not tested here: run test/lab/kubernetes/build.sh (${missing.join(', ')} missing)`;
  if (process.env['CI']) throw new Error(message);
  console.warn(message);
}

// the server is of 1.20
const options = { namespaces: 'clinical', portRanges: 'no' };
const driver = createKubernetesDriver(options);
const policies = '/apis/networking.k8s.io/v1/namespaces/clinical/networkpolicies';
const services = '/api/v1/namespaces/clinical/services';
const { baseState, otherMembers, emptyState } = samplesFor(['flows', 'workloads']);

const collections: Readonly<Record<string, string>> = {
  Namespace: '/api/v1/namespaces',
  ServiceAccount: '/api/v1/namespaces/NAMESPACE/serviceaccounts',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/rolebindings',
};

/** The rights that the documentation tells admins to give, and a token of the account that has them. */
async function setUp(server: ApiServer): Promise<string> {
  await server.must('POST', '/api/v1/namespaces', { metadata: { name: 'clinical' } });
  const text = readFileSync(path.join(import.meta.dirname, '../../deploy/kubernetes/rbac.yaml'), 'utf8');
  for (const document of parseAllDocuments(text)) {
    const object = document.toJS() as { kind: string; metadata: { namespace?: string } };
    await server.must('POST', collections[object.kind]!.replace('NAMESPACE', object.metadata.namespace ?? ''), object);
  }
  for (const service of clinicalServices) await server.must('POST', services, service);
  await server.must('POST', policies, foreignPolicy);
  const { status } = await server.must('POST', '/api/v1/namespaces/cordon/serviceaccounts/cordon/token', { spec: {} });
  return (status as { token: string }).token;
}

interface StoredRole {
  readonly rules: readonly { readonly apiGroups: string[]; readonly resources: string[]; readonly verbs: string[] }[];
}
interface Right {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
}

type Listed = NetworkPolicy & { readonly metadata: { readonly resourceVersion: string } };

async function listed(server: ApiServer, query = ''): Promise<Listed[]> {
  return (await server.must('GET', policies + query))['items'] as Listed[];
}

function fixtureOn(server: ApiServer, kubeconfig: string, injector: FaultInjector): ConformanceFixture {
  const ours = (): Promise<Listed[]> => listed(server, '?labelSelector=app.kubernetes.io/managed-by=cordon');
  const tamper = Object.entries(tamperings).map(([title, { name, change }]) => [
    title,
    async () => {
      const all = await ours();
      const policy = all.find(({ metadata }) => metadata.name === name(all))!;
      const at = `${policies}/${policy.metadata.name}`;
      const changed = change(policy) as Listed | null;
      if (!changed) await server.must('DELETE', at);
      else if (changed.metadata.name === policy.metadata.name) await server.must('PUT', at, changed);
      else {
        const { resourceVersion: _, ...metadata } = changed.metadata;
        await server.must('POST', policies, { ...changed, metadata });
      }
    },
  ]);
  return {
    connect() {
      const cluster = new ApiTransport({ kind: 'kubernetes', kubeconfig, context: null }, ['clinical'], 10_000);
      return new KubernetesSession(injector.wrap(cluster, clusterChanges, halfChange(cluster)));
    },
    tamper: Object.fromEntries(tamper) as ConformanceFixture['tamper'],
    readForeign: async () => JSON.stringify(await listed(server, '?labelSelector=app=theirs')),
    traffic: null,
    dispose: () => Promise.resolve(),
  };
}

describe.runIf(missing.length === 0)('kubernetes, with a real API server', () => {
  const server = new ApiServer();
  let token: string;
  let kubeconfig: string;
  const connect = (file = kubeconfig): EnforcementSession =>
    driver.connect({ kind: 'kubernetes', kubeconfig: file, context: null });

  beforeAll(async () => {
    await server.start();
    token = await setUp(server);
    kubeconfig = server.kubeconfig(token);
  });
  afterAll(() => server.dispose());

  describeConformance({
    title: 'kubernetes 1.20, as the service account of deploy/kubernetes/rbac.yaml',
    driver,
    movesPackets: false,
    fixture: (injector) => Promise.resolve(fixtureOn(server, kubeconfig, injector)),
    unreachable: () => ({ kind: 'kubernetes', kubeconfig: server.kubeconfig(token, { port: 1 }), context: null }),
    judge: judgeByPolicies,
    inexpressible: wordless,
  });

  describe('beyond the kit', () => {
    const bring = async (state: EnforcementState, by: EnforcementSession): Promise<void> => {
      const text = await by.read();
      await by.apply(driver.plan(state, text === null ? null : driver.parse(text)));
      await by.confirm();
    };

    it('writes to one object when a device comes, as the manager `cordon`', async () => {
      const session = connect();
      await bring(baseState, session);
      const versions = async () =>
        new Map((await listed(server)).map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
      const before = await versions();
      const members = new Map([...baseState.membership, ['class-1', new Set(['10.20.1.1', '10.20.1.2'])]]);
      await bring({ ...baseState, membership: members }, session);
      const after = await versions();
      expect([...after].filter(([name, version]) => before.get(name) !== version)).toHaveLength(1);
      const all = (await listed(server, '?labelSelector=app.kubernetes.io/managed-by=cordon')) as unknown as {
        metadata: { managedFields: { manager: string }[] };
      }[];
      expect(new Set(all.flatMap(({ metadata }) => metadata.managedFields.map(({ manager }) => manager)))).toEqual(
        new Set(['cordon']),
      );
      await session.close();
    });

    it('tells on the service that its rules are in force, once for each change of them', async () => {
      const session = connect();
      const events = async () => {
        const { items } = await server.must('GET', '/api/v1/namespaces/clinical/events');
        return (items as { reason: string; message: string; involvedObject: object }[]).length;
      };
      await bring(emptyState, session);
      const before = await events();
      await bring(baseState, session);
      expect(await events()).toBe(before + 1);
      await bring(baseState, session);
      await bring(otherMembers, session);
      expect(await events()).toBe(before + 1);
      await session.close();
    });

    it('stops at a server that its authority does not vouch for, and at a token that is none, with a remedy', async () => {
      const impostor = connect(server.kubeconfig(token, { authority: 'other' }));
      await expect(impostor.read()).rejects.toThrow(TerminalFault);
      await expect(impostor.read()).rejects.toThrow(/vouches/);
      await impostor.close();
      const stranger = connect(server.kubeconfig('nonsense'));
      await expect(stranger.read()).rejects.toThrow(/token or certificate/);
      await stranger.close();
    });

    it('stops where it has no rights, with a remedy', async () => {
      const elsewhere = createKubernetesDriver({ namespaces: 'kube-system' });
      const session = elsewhere.connect({ kind: 'kubernetes', kubeconfig, context: null });
      await expect(session.read()).rejects.toThrow(TerminalFault);
      await expect(session.read()).rejects.toThrow(/rbac\.yaml/);
      await session.close();
    });

    it('needs each right of deploy/kubernetes/rbac.yaml, and says so where one is missing', async () => {
      const role = '/apis/rbac.authorization.k8s.io/v1/namespaces/clinical/roles/cordon';
      const stored = (await server.must('GET', role)) as unknown as StoredRole;
      const isAllowed = async ({ resource, verb, group }: Right): Promise<boolean> => {
        const asked = await server.must('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: 'system:serviceaccount:cordon:cordon',
            resourceAttributes: { namespace: 'clinical', resource, verb, group },
          },
        });
        return (asked['status'] as { allowed: boolean }).allowed;
      };
      /** The server looks at a copy of the roles, which is a moment behind. */
      const until = async (right: Right, allowed: boolean): Promise<void> => {
        while ((await isAllowed(right)) !== allowed) await pause(20);
      };
      const put = (rules: StoredRole['rules']): Promise<unknown> =>
        server.must('PUT', role, { ...stored, metadata: { name: 'cordon', namespace: 'clinical' }, rules });
      const rights = stored.rules.flatMap(({ apiGroups: [group = ''], resources: [resource = ''], verbs }) =>
        verbs.map((verb): Right => ({ group, resource, verb })),
      );
      expect(rights.length).toBeGreaterThan(6);
      await everyChange();
      for (const right of rights) {
        await put(
          stored.rules.flatMap((rule) => {
            if (rule.resources[0] !== right.resource) return [rule];
            const verbs = rule.verbs.filter((verb) => verb !== right.verb);
            return verbs.length === 0 ? [] : [{ ...rule, verbs }];
          }),
        );
        await until(right, false);
        const failed = await everyChange().then(
          () => null,
          (error: unknown) => error,
        );
        expect({ right, failed }).toMatchObject({ failed: { message: expect.stringMatching(/rbac\.yaml/) } });
        expect(failed).toBeInstanceOf(TerminalFault);
        await put(stored.rules);
        await until(right, true);
      }
    });

    /** Everything that a point ever does in a cluster. */
    async function everyChange(): Promise<void> {
      const session = connect();
      const api = new ApiConnection({ kind: 'kubernetes', kubeconfig, context: null }, 5000);
      const end = new AbortController();
      try {
        await bring(emptyState, session);
        await bring(baseState, session);
        const base = (await server.must('GET', `${policies}/cordon.server`)) as unknown as Listed;
        const labels = { ...base.metadata.labels, team: 'theirs' };
        await server.must('PUT', `${policies}/cordon.server`, { ...base, metadata: { ...base.metadata, labels } });
        await bring(baseState, session);
        const watched = new ApiServices(api);
        const { version } = await watched.listServices('clinical');
        const other = (await server.must('GET', `${services}/other`)) as { metadata: object };
        const annotations = { at: String(Date.now()) };
        await Promise.all([
          watched.nextChange('clinical', version, end.signal),
          server.must('PUT', `${services}/other`, { ...other, metadata: { ...other.metadata, annotations } }),
        ]);
      } finally {
        end.abort();
        await api.close();
        await session.close();
      }
    }

    it('says that this server knows no ranges of ports, and leaves what was there', async () => {
      const modern = createKubernetesDriver({ namespaces: 'clinical' });
      const session = connect();
      await bring(emptyState, session);
      const before = await session.read();
      await expect(session.apply(modern.plan(baseState, modern.parse(before ?? '')))).rejects.toThrow(/portRanges/);
      await session.rollback();
      expect(await session.read()).toBe(before);
      await session.close();
    });

    it('outlives a restart of the API server', async () => {
      const session = connect();
      await bring(baseState, session);
      await server.stopServer();
      await expect(session.read()).rejects.toThrow(RemoteFault);
      await server.start();
      expect(driver.plan(baseState, driver.parse((await session.read()) ?? '')).kind).toBe('none');
      await session.close();
    });
  });
});
