import type { EnforcementTarget, ServiceAddresses, watchCluster } from '#drivers';
import { addressSet, formatRange, parseRange, rangesOf } from '#net';
import { compilePolicy, loadPolicy, type KnownWorkloads, type Snapshot } from '#policy';
import { policyFiles } from '#testkit';
import { expect, it, vi } from 'vitest';
import { Wakeups } from '../wakeups.js';
import { WorkloadWatch } from './workload-watch.js';

const cluster = (name: string, file = name): string =>
  `${name}: { driver: kubernetes, site: main, options: { namespaces: 'pharmacy,ward' }, transport: { kind: kubernetes, kubeconfig: 'file:/${file}' } }\n`;

/** `endpoints`: `NAME CLUSTER NAMESPACE/SERVICE` */
function compile(endpoints: readonly string[], points = cluster('k1') + cluster('k2')): { snapshot: Snapshot } {
  const entries = endpoints.map((text) => {
    const [name, at, namespace, service] = text.split(/[ /]/);
    return `${name}: { kubernetes: { cluster: ${at}, namespace: ${namespace}, service: ${service} } }\n`;
  });
  const files = { 'catalog/endpoints-x.yaml': entries.join(''), 'network/enforcement-points-x.yaml': points };
  const loaded = loadPolicy(policyFiles(files));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  const compiled = compilePolicy(loaded.value, new Date('2026-11-23T11:00:00Z'));
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return { snapshot: compiled.value };
}

type Told = Parameters<typeof watchCluster>[2];
interface Open {
  readonly of: string;
  readonly told: Told;
  readonly signal: AbortSignal;
}

function watching(active: { snapshot: Snapshot } | null) {
  const open: Open[] = [];
  const told: string[] = [];
  const lines: string[] = [];
  const policy = {
    active,
    staged: null as { snapshot: Snapshot } | null,
    takeWorkloads: async (known: KnownWorkloads) => {
      told.push([...known].map(([key, set]) => `${key}=${rangesOf(set).map(formatRange).join('+')}`).join(' '));
    },
  };
  const wakeups = new Wakeups();
  const line = (message: unknown): number => lines.push(String(message));
  const fake = (target: EnforcementTarget, namespace: string, on: Told, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const file = target.kind === 'kubernetes' ? target.kubeconfig : '';
      open.push({ of: `${file} ${namespace}`, told: on, signal });
      signal.addEventListener('abort', () => resolve());
    });
  const log = { info: line, warn: line, error: line };
  const ports = { policy, wakeups, log, random: () => 0, watchCluster: fake };
  const watch = new WorkloadWatch(ports as unknown as ConstructorParameters<typeof WorkloadWatch>[0], {
    settleMilliseconds: 5,
    firstRetryMilliseconds: 1,
    lastRetryMilliseconds: 4,
  });
  watch.start();
  const openNow = (): string[] => open.filter(({ signal }) => !signal.aborted).map(({ of }) => of);
  const answer = (of: string, services: Readonly<Record<string, string>>): void => {
    const found: ServiceAddresses = new Map(
      Object.entries(services).map(([key, text]) => [key, addressSet([parseRange(text)!])]),
    );
    open.find((one) => one.of === of && !one.signal.aborted)!.told.onServices(found);
  };
  return { watch, policy, wakeups, open, openNow, answer, told, lines };
}

it('watches the namespaces that the policies name, and no others, while they name them', async () => {
  const { watch, policy, wakeups, openNow } = watching(compile(['a k1 pharmacy/a', 'b k1 pharmacy/b']));
  expect(openNow()).toEqual(['/k1 pharmacy']);
  policy.staged = compile(['a k1 pharmacy/a', 'c k2 ward/c'], cluster('k1', 'other') + cluster('k2'));
  wakeups.fire('snapshot');
  expect(openNow()).toEqual(['/k1 pharmacy', '/k2 ward']);
  policy.active = policy.staged;
  policy.staged = null;
  wakeups.fire('snapshot');
  expect(openNow()).toEqual(['/k2 ward', '/other pharmacy']);
  policy.active = compile([]);
  wakeups.fire('snapshot');
  expect(openNow()).toEqual([]);
  await watch.stop();
});

it('tells where named services are, once for several changes, and nothing of a cluster that has not answered', async () => {
  const { watch, answer, told } = watching(compile(['a k1 pharmacy/a', 'b k1 pharmacy/b', 'c k2 ward/c']));
  answer('/k1 pharmacy', { 'pharmacy/a': '10.0.0.1' });
  answer('/k1 pharmacy', { 'pharmacy/a': '10.0.0.2', 'pharmacy/x': '10.0.0.3' });
  await vi.waitFor(() => expect(told).toEqual(['k1/pharmacy/a=10.0.0.2 k1/pharmacy/b=']));
  answer('/k2 ward', { 'ward/c': '10.0.0.4' });
  await vi.waitFor(() => expect(told.at(-1)).toBe('k1/pharmacy/a=10.0.0.2 k1/pharmacy/b= k2/ward/c=10.0.0.4'));
  await watch.stop();
});

it('tells known services again when another policy names them', async () => {
  const { watch, policy, wakeups, answer, told } = watching(compile(['a k1 pharmacy/a']));
  answer('/k1 pharmacy', { 'pharmacy/a': '10.0.0.1', 'pharmacy/b': '10.0.0.2' });
  await vi.waitFor(() => expect(told).toEqual(['k1/pharmacy/a=10.0.0.1']));
  policy.staged = compile(['b k1 pharmacy/b']);
  wakeups.fire('snapshot');
  await vi.waitFor(() => expect(told.at(-1)).toBe('k1/pharmacy/a=10.0.0.1 k1/pharmacy/b=10.0.0.2'));
  await watch.stop();
});

it('keeps the last answer while a cluster is away, and says so once', async () => {
  const { watch, open, answer, told, lines } = watching(compile(['a k1 pharmacy/a']));
  answer('/k1 pharmacy', { 'pharmacy/a': '10.0.0.1' });
  await vi.waitFor(() => expect(told).toHaveLength(1));
  const [{ told: on, signal }] = open as [Open];
  for (let n = 0; n < 3; n++) {
    on.onFault(new Error('away'));
    await on.pause(signal);
  }
  expect(lines).toEqual(['cluster can not be watched']);
  answer('/k1 pharmacy', { 'pharmacy/a': '10.0.0.9' });
  await vi.waitFor(() => expect(told.at(-1)).toBe('k1/pharmacy/a=10.0.0.9'));
  expect(lines).toEqual(['cluster can not be watched', 'cluster answers again']);
  await watch.stop();
});

it('lets go while it waits', async () => {
  const { watch, open } = watching(compile(['a k1 pharmacy/a']));
  const [{ told: on, signal }] = open as [Open];
  on.onFault(new Error('away'));
  const waiting = on.pause(signal);
  await watch.stop();
  await waiting;
  expect(signal.aborted).toBe(true);
});
