import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EnforcementState } from '#model';
import { ranges, samplesFor } from '../conformance-states.js';
import { RemoteFault, TerminalFault, type EnforcementSession } from '../driver.js';
import { KubeApiServer } from '../spec/kube-api-server.js';
import { createKubernetesDriver } from './index.js';
import { clinicalServices, foreignPolicy } from './tampering.js';

const driver = createKubernetesDriver({ namespaces: 'clinical' }, 1000);
const { baseState, emptyState } = samplesFor(['flows', 'workloads']);
const [service, other] = clinicalServices;
const both: EnforcementState = {
  ...baseState,
  rules: {
    ...baseState.rules,
    workloads: [
      ...baseState.rules.workloads,
      { endpoint: 'other', namespace: 'clinical', service: 'other', addresses: ranges('10.10.7.7') },
    ],
  },
};
const nowhere: EnforcementState = { ...baseState, rules: { ...baseState.rules, entries: [], workloads: [] } };

describe('a session with an API server', () => {
  let server: KubeApiServer;
  let session: EnforcementSession;
  const connect = (kubeconfig = server.kubeconfig(), context: string | null = null): EnforcementSession =>
    driver.connect({ kind: 'kubernetes', kubeconfig, context });
  const plan = async (state: EnforcementState) => {
    const text = await session.read();
    return driver.plan(state, text === null ? null : driver.parse(text));
  };
  const bring = async (state: EnforcementState): Promise<void> => {
    await session.apply(await plan(state));
    await session.confirm();
  };
  const policies = (): string[] =>
    server
      .all('networkpolicies')
      .map(({ metadata }) => (metadata as { name: string }).name)
      .filter((name) => name !== foreignPolicy.metadata.name);
  const events = (): string[] =>
    server
      .all('events')
      .map((event) => `${String(event['type'])} ${String(event['reason'])} ${String(event['message'])}`);

  beforeAll(() => {
    server = new KubeApiServer();
  });
  beforeEach(async () => {
    await server.start();
    for (const key of policies()) server.delete('networkpolicies', `clinical/${key}`);
    for (const each of clinicalServices) server.put('services', each);
    server.put('networkpolicies', { ...foreignPolicy });
    server.changes.length = 0;
    server.hasRanges = true;
    session = connect();
    return async () => {
      await session.close();
      await server.stop();
    };
  });
  afterAll(() => server.dispose());

  it('closes pods before it opens them, and takes what a workload had before it lets its pods go', async () => {
    await bring(baseState);
    expect(server.changes[0]).toBe('POST clinical/cordon.server');
    server.changes.length = 0;
    expect((await plan(nowhere)).kind).toBe('rules');
    await bring(nowhere);
    expect(server.changes.at(-1)).toBe('DELETE clinical/cordon.server');
    expect(policies()).toEqual([]);
    expect((await plan(nowhere)).kind).toBe('none');
  });

  it('writes nothing that is right already', async () => {
    await bring(baseState);
    server.changes.length = 0;
    const entries = baseState.rules.entries.filter(({ id }) => id !== 'a20000000000');
    await bring({ ...baseState, rules: { ...baseState.rules, entries } });
    expect(server.changes).toEqual([
      expect.stringMatching(/^DELETE .*to\.devices-/),
      'PATCH clinical/cordon.server',
      expect.stringMatching(/^POST .*server\.cordon\./),
    ]);
  });

  it('follows the selector of the service, as soon as that is another', async () => {
    await bring(baseState);
    server.put('services', { ...service, spec: { ...service.spec, selector: { app: 'server', version: '2' } } });
    expect((await plan(baseState)).kind).toBe('rules');
    await bring(baseState);
    expect((await plan(baseState)).kind).toBe('none');
    const selectors = server
      .all('networkpolicies')
      .filter(({ metadata }) => (metadata as { name: string }).name !== foreignPolicy.metadata.name)
      .map(({ spec }) => (spec as { podSelector: unknown }).podSelector);
    expect(new Set(selectors.map((selector) => JSON.stringify(selector)))).toEqual(
      new Set(['{"matchLabels":{"app":"server","version":"2"}}']),
    );
  });

  it('brings the other services’ rules when one is not there yet, and waits for that one', async () => {
    server.delete('services', 'clinical/other');
    const failed = bring(both);
    await expect(failed).rejects.toThrow(RemoteFault);
    await expect(failed).rejects.toThrow('service `clinical/other`: it is not in the cluster');
    await session.rollback();
    expect(policies()).toContain('cordon.server');
    server.put('services', other);
    await bring(both);
    expect((await plan(both)).kind).toBe('none');
  });

  it('stops at a service that hides who sends, says so on it once, and leaves what it has', async () => {
    await bring(both);
    const before = policies();
    server.put('services', { ...other, spec: { ...other.spec, type: 'NodePort' } });
    expect((await plan(both)).kind).toBe('rules');
    for (let i = 0; i < 2; i++) {
      const failed = bring(both);
      await expect(failed).rejects.toThrow(TerminalFault);
      await expect(failed).rejects.toThrow('set externalTrafficPolicy to Local');
    }
    expect(policies()).toEqual(before);
    expect(events().filter((event) => event.startsWith('Warning'))).toHaveLength(1);
  });

  it('refuses two services that have pods in common, for their rules would add up', async () => {
    server.put('services', { ...other, spec: { ...other.spec, selector: { app: 'server' } } });
    await expect(bring(both)).rejects.toThrow(
      /`clinical\/server`: it has pods in common with service `clinical\/other`/,
    );
    expect(policies()).toEqual([]);
  });

  it('leaves an object of somebody else’s alone that has the name of one of ours', async () => {
    const theirs = { ...foreignPolicy, metadata: { ...foreignPolicy.metadata, name: 'cordon.server' } };
    server.put('networkpolicies', { ...theirs });
    const failed = bring(baseState);
    await expect(failed).rejects.toThrow(TerminalFault);
    await expect(failed).rejects.toThrow(/not Cordon's/);
    expect(server.get('networkpolicies', 'clinical/cordon.server')).toMatchObject({
      metadata: { labels: { app: 'theirs' } },
    });
    server.delete('networkpolicies', 'clinical/cordon.server');
  });

  it('takes out what another manager wrote into an object of ours', async () => {
    await bring(baseState);
    const base = server.get('networkpolicies', 'clinical/cordon.server') as unknown as typeof foreignPolicy;
    const labels = { ...base.metadata.labels, team: 'theirs' };
    const podSelector = { matchLabels: { app: 'server', tier: 'clinical', canary: 'yes' } };
    server.put('networkpolicies', {
      ...base,
      metadata: { ...base.metadata, labels },
      spec: { ...base.spec, podSelector },
    });
    expect((await plan(baseState)).kind).toBe('rules');
    await bring(baseState);
    expect(server.get('networkpolicies', 'clinical/cordon.server')).toMatchObject({
      metadata: { labels: { 'app.kubernetes.io/managed-by': 'cordon' } },
      spec: { podSelector: { matchLabels: { app: 'server', tier: 'clinical' } } },
    });
    expect(JSON.stringify(server.get('networkpolicies', 'clinical/cordon.server'))).not.toMatch(/canary|theirs/);
  });

  it('changes nothing that changed since it looked', async () => {
    await bring(baseState);
    const name = policies().find((each) => each.includes('devices'));
    const change = await plan(emptyState);
    const racing = server.get('networkpolicies', `clinical/${name}`)!;
    const list = server.all.bind(server);
    // between the list and the change somebody else writes
    server.all = (resource) => {
      const answer = structuredClone(list(resource));
      if (resource === 'services')
        server.put('networkpolicies', { ...racing, spec: { ...(racing['spec'] as object), policyTypes: ['Egress'] } });
      return answer;
    };
    try {
      await expect(session.apply(change)).rejects.toThrow(/precondition/);
    } finally {
      server.all = list;
    }
    expect(server.get('networkpolicies', `clinical/${name}`)).not.toBeNull();
  });

  it('says that an old API server knows no ranges of ports, and rolls back', async () => {
    server.hasRanges = false;
    await expect(bring(baseState)).rejects.toThrow(/portRanges/);
    await session.rollback();
    expect(policies()).toEqual([]);
  });

  it('gives an API server up that takes the request and says nothing, and goes on when it speaks again', async () => {
    await bring(baseState);
    server.isSilent = true;
    await expect(session.read()).rejects.toThrow(RemoteFault);
    await expect(session.read()).rejects.toThrow(/no answer in time/);
    server.isSilent = false;
    expect((await plan(baseState)).kind).toBe('none');
  });

  it('outlives a restart of the API server', async () => {
    await bring(baseState);
    await server.stop();
    await expect(session.read()).rejects.toThrow(RemoteFault);
    await server.start();
    expect((await plan(baseState)).kind).toBe('none');
  });

  it.each<[string, () => string, RegExp]>([
    ['a token that is none', () => server.kubeconfig({ token: 'nonsense' }), /token or certificate/],
    ['an account without rights', () => server.kubeconfig({ token: 'powerless' }), /rbac\.yaml/],
    ['a certificate of another authority', () => server.kubeconfig({ authority: 'other' }), /vouches/],
    [
      'a kubeconfig that checks no certificate',
      () => server.kubeconfig({ extra: { 'insecure-skip-tls-verify': true } }),
      /does not check/,
    ],
    ['an address without TLS', () => server.kubeconfig({ scheme: 'http' }), /does not check/],
    ['a kubeconfig that is not there', () => '/nonexistent/kubeconfig', /can't be read/],
  ])('stops at %s, with a remedy', async (_, kubeconfig, why) => {
    const refused = connect(kubeconfig());
    await expect(refused.read()).rejects.toThrow(TerminalFault);
    await expect(refused.read()).rejects.toThrow(why);
    await refused.close();
  });

  it('stops at a context that the kubeconfig does not have, and at targets of other kinds', async () => {
    const lost = connect(server.kubeconfig(), 'elsewhere');
    await expect(lost.read()).rejects.toThrow(/context `elsewhere`/);
    await lost.close();
    expect(() => driver.connect({ kind: 'local' })).toThrow(TerminalFault);
  });
});
