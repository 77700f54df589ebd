import { afterAll, describe } from 'vitest';
import { describeConformance, type ConformanceFixture } from '../conformance.js';
import type { FaultInjector } from '../fault-injection.js';
import { KubeApiServer } from '../spec/kube-api-server.js';
import { judgeByPolicies } from './evaluate.js';
import { createKubernetesDriver } from './index.js';
import type { NetworkPolicy } from './objects.js';
import { KubernetesSession } from './session.js';
import { clinicalServices, clusterChanges, foreignPolicy, halfChange, tamperings, wordless } from './tampering.js';
import { ApiTransport } from './transport.js';

const options = { namespaces: 'clinical' };

async function fixture(injector: FaultInjector): Promise<ConformanceFixture> {
  const server = new KubeApiServer();
  await server.start();
  for (const service of clinicalServices) server.put('services', service);
  server.put('networkpolicies', { ...foreignPolicy });
  const isForeign = ({ metadata }: { readonly metadata?: unknown }): boolean =>
    (metadata as NetworkPolicy['metadata']).labels['app'] === 'theirs';
  const ours = (): NetworkPolicy[] =>
    server.all('networkpolicies').filter((policy) => !isForeign(policy)) as unknown as NetworkPolicy[];
  const tamper = Object.entries(tamperings).map(([title, { name, change }]) => [
    title,
    async () => {
      const policy = ours().find(({ metadata }) => metadata.name === name(ours()))!;
      const changed = change(policy);
      if (changed) server.put('networkpolicies', changed as never);
      else server.delete('networkpolicies', `clinical/${policy.metadata.name}`);
      return Promise.resolve();
    },
  ]);
  return {
    connect() {
      const target = { kind: 'kubernetes', kubeconfig: server.kubeconfig(), context: null } as const;
      const cluster = new ApiTransport(target, ['clinical'], 5000);
      return new KubernetesSession(injector.wrap(cluster, clusterChanges, halfChange(cluster)));
    },
    tamper: Object.fromEntries(tamper) as ConformanceFixture['tamper'],
    readForeign: () => Promise.resolve(JSON.stringify(server.all('networkpolicies').filter(isForeign))),
    traffic: null,
    dispose: () => server.dispose(),
  };
}

describe('kubernetes', () => {
  const absent = new KubeApiServer();
  afterAll(() => absent.dispose());
  describeConformance({
    title: 'kubernetes, with an API server of the tests',
    driver: createKubernetesDriver(options),
    movesPackets: false,
    fixture,
    unreachable: () => ({ kind: 'kubernetes', kubeconfig: absent.kubeconfig({ port: 1 }), context: null }),
    judge: judgeByPolicies,
    inexpressible: wordless,
  });
});
