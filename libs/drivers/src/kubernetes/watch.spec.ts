import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatRange, rangesOf } from '#net';
import { KubeApiServer } from '../spec/kube-api-server.js';
import { ApiConnection } from './connection.js';
import { clinicalServices } from './tampering.js';
import { ApiServices } from './transport.js';
import { watchServices, type ServiceAddresses } from './watch.js';

const textOf = (services: ServiceAddresses): string =>
  [...services]
    .map(([name, addresses]) => `${name} ${rangesOf(addresses).map(formatRange).join('+')}`)
    .sort()
    .join(', ');

describe('watchServices', () => {
  let server: KubeApiServer;
  beforeAll(async () => {
    server = new KubeApiServer();
    await server.start();
  });
  afterAll(() => server.dispose());

  it('tells the addresses at the start, after each change, and after a restart of the API server', async () => {
    const [service, other] = clinicalServices;
    server.put('services', {
      ...service,
      spec: { ...service.spec, clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7', 'fd00:96::7'] },
    });
    const api = new ApiConnection({ kind: 'kubernetes', kubeconfig: server.kubeconfig(), context: null }, 1000);
    const end = new AbortController();
    const told: string[] = [];
    const faults: unknown[] = [];
    let wake = (): void => {};
    const until = async (condition: () => boolean): Promise<void> => {
      while (!condition()) await new Promise<void>((resolve) => (wake = resolve));
    };
    const watching = watchServices(
      {
        source: new ApiServices(api),
        namespaces: ['clinical'],
        onServices: (services) => {
          told.push(textOf(services));
          wake();
        },
        onFault: (fault) => {
          faults.push(fault);
          wake();
        },
        pause: () => new Promise((resolve) => setImmediate(resolve)),
      },
      end.signal,
    );
    await until(() => told.length === 1);
    server.put('services', {
      ...other,
      spec: { ...other.spec, externalIPs: ['192.0.2.4'] },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.5' }] } },
    });
    await until(() => told.length === 2);
    await server.stop();
    await until(() => faults.length > 0);
    server.delete('services', 'clinical/other');
    await server.start();
    await until(() => told.length === 3);
    expect(told).toEqual([
      'clinical/server 10.96.0.7+fd00:96::7',
      'clinical/other 192.0.2.4/31, clinical/server 10.96.0.7+fd00:96::7',
      'clinical/server 10.96.0.7+fd00:96::7',
    ]);
    end.abort();
    await watching;
    await api.close();
  });
});
