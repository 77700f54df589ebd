import { flow, samplesFor } from '../conformance-states.js';
import type { ConformanceSubject } from '../conformance.js';
import type { DoHalf } from '../fault-injection.js';
import type { NetworkPolicy } from './objects.js';
import type { Cluster } from './session.js';

/** The service of the conformance kit's workload, and one that nobody asks for. */
export const clinicalServices = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'clinical', name: 'server' },
    spec: { selector: { app: 'server', tier: 'clinical' }, ports: [{ name: 'https', port: 8443, targetPort: 8443 }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'clinical', name: 'other' },
    spec: { selector: { app: 'other' }, ports: [{ name: 'http', port: 80, targetPort: 80 }] },
  },
] as const;

/** Somebody else's policy, for the same pods and with a name like ours. */
export const foreignPolicy: NetworkPolicy = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { namespace: 'clinical', name: 'cordon.theirs', labels: { app: 'theirs' }, annotations: {} },
  spec: {
    podSelector: { matchLabels: { app: 'server' } },
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ ipBlock: { cidr: '192.0.2.1/32' } }] }],
  },
};

/** As `kubectl edit`, `kubectl apply` and `kubectl delete` would; each gives what stands there after it, null: nothing. */
export interface Tampering {
  readonly name: (ours: readonly NetworkPolicy[]) => string;
  readonly change: (policy: NetworkPolicy) => object | null;
}

const nameLike = (pattern: RegExp) => (ours: readonly NetworkPolicy[]) => {
  const found = ours.find(({ metadata }) => pattern.test(metadata.name));
  if (!found) throw new Error(`there is no policy like ${pattern}`);
  return found.metadata.name;
};
const base = nameLike(/^cordon\.server$/);
const devices = nameLike(/\.from\.devices-/);
const fixed = nameLike(/\.from\.addresses-/);
const withSpec = (change: (spec: NetworkPolicy['spec']) => object) => (policy: NetworkPolicy) => ({
  ...policy,
  spec: { ...policy.spec, ...change(policy.spec) },
});
const withMetadata = (change: object) => (policy: NetworkPolicy) => ({
  ...policy,
  metadata: { ...policy.metadata, ...change },
});
const everybody = { ipBlock: { cidr: '0.0.0.0/0' } };

export const tamperings: Readonly<Record<string, Tampering>> = {
  'a policy of ours is deleted': { name: base, change: () => null },
  'a policy of devices is deleted': { name: devices, change: () => null },
  'a device is added': {
    name: devices,
    change: withSpec(({ ingress = [] }) => ({
      ingress: ingress.map((rule) => ({ ...rule, from: [...rule.from, { ipBlock: { cidr: '10.20.0.99/32' } }] })),
    })),
  },
  'a device is deleted': {
    name: devices,
    change: withSpec(({ ingress = [] }) => ({
      ingress: ingress.map((rule) => ({ ...rule, from: rule.from.slice(1) })),
    })),
  },
  'everybody is let in': { name: devices, change: withSpec(() => ({ ingress: [{ from: [everybody] }] })) },
  'an empty rule lets everybody in': { name: fixed, change: withSpec(() => ({ ingress: [{}] })) },
  'the ports of devices are changed': {
    name: devices,
    change: withSpec(({ ingress = [] }) => ({
      ingress: ingress.map((rule) => ({ ...rule, ports: [{ protocol: 'TCP', port: 22 }] })),
    })),
  },
  'the scope is narrowed': { name: base, change: withSpec(() => ({ ingress: [{ from: [everybody] }] })) },
  'fewer pods are selected': {
    name: base,
    change: withSpec(({ podSelector }) => ({
      podSelector: { matchLabels: { ...podSelector.matchLabels, canary: 'yes' } },
    })),
  },
  'one direction is left open': {
    name: base,
    change: withSpec(({ ingress }) => ({ policyTypes: ['Ingress'], ingress, egress: undefined })),
  },
  'another label is put on it': {
    name: devices,
    change: (policy) => withMetadata({ labels: { ...policy.metadata.labels, team: 'theirs' } })(policy),
  },
  'an annotation of ours is changed': {
    name: base,
    change: (policy) =>
      withMetadata({ annotations: { ...policy.metadata.annotations, 'cordon/lines': 'f00000000000' } })(policy),
  },
  'a policy of ours is copied': {
    name: devices,
    change: withMetadata({ name: 'cordon.server.from.devices-0000000000000000' }),
  },
};

/** Methods of a `Cluster` that change something. */
export const clusterChanges: ReadonlySet<string> = new Set(['create', 'replace', 'remove', 'tell']);

/** An API server never does half a request; a webhook in front of it may. */
export const halfChange =
  (cluster: Cluster): DoHalf =>
  async (method, [policy, stored]) => {
    const half = ([first, ...more]: readonly {
      readonly from?: readonly unknown[];
      readonly to?: readonly unknown[];
    }[] = []) =>
      first && [
        {
          ...first,
          ...(first.from && { from: first.from.slice(0, 1) }),
          ...(first.to && { to: first.to.slice(0, 1) }),
        },
        ...more,
      ];
    if (method !== 'create' && method !== 'replace') return;
    const { spec, ...rest } = policy as NetworkPolicy;
    const { ingress, egress } = spec;
    const cut = { ...spec, ...(ingress && { ingress: half(ingress) }), ...(egress && { egress: half(egress) }) };
    const damaged = { ...rest, spec: cut } as NetworkPolicy;
    await (method === 'create'
      ? cluster.create(damaged)
      : cluster.replace(damaged, stored as Parameters<Cluster['replace']>[1]));
  };

const state = samplesFor(['flows', 'workloads']).baseState;
const withEntries = (...entries: ReturnType<typeof flow>[]) => ({ ...state, rules: { ...state.rules, entries } });
const withWorkload = (change: object) => ({
  ...state,
  rules: { ...state.rules, workloads: state.rules.workloads.map((workload) => ({ ...workload, ...change })) },
});
const toServer = state.rules.entries[0]!;
const { source, destination } = toServer;
const partOfServer = { kind: 'addresses', addresses: { v4: [{ first: 0n, last: 9n }], v6: [] } } as const;

/** What NetworkPolicies have no words for. */
export const wordless: ConformanceSubject['inexpressible'] = {
  'an allowed protocol without ports': [
    withEntries(flow('x', 'allow', source, destination, 'tcp/443', 'icmp/8', 'ip/50')),
    /icmp\/8, ip\/50 to endpoint `server`/,
  ],
  'all protocols but a port': [
    withEntries(flow('x', 'allow', source, destination, 'any'), flow('y', 'deny', source, destination, 'tcp/22')),
    /no NetworkPolicy can say/,
  ],
  'a part of a workload': [
    {
      ...withEntries({ ...flow('x', 'allow', source, partOfServer, 'tcp/443') }),
      rules: {
        ...withEntries({ ...flow('x', 'allow', source, partOfServer, 'tcp/443') }).rules,
        workloads: [{ ...state.rules.workloads[0]!, addresses: { v4: [{ first: 0n, last: 12n }], v6: [] } }],
      },
    },
    /some but not all addresses of endpoint `server`/,
  ],
  'a part of a workload in scope': [
    {
      ...state,
      rules: {
        ...state.rules,
        entries: [],
        scope: { v4: [{ first: 0x0a0a_000an, last: 0x0a0a_000an }], v6: [] },
        workloads: [
          { ...state.rules.workloads[0]!, addresses: { v4: [{ first: 0x0a0a_0000n, last: 0x0a0a_00ffn }], v6: [] } },
        ],
      },
    },
    /in scope/,
  ],
  'a namespace that is not the point’s': [
    withWorkload({ namespace: 'kube-system' }),
    /which this point does not look after/,
  ],
  'a service of no possible name': [withWorkload({ service: 'A.b' }), /no service of Kubernetes/],
  'two endpoints that are one service': [
    {
      ...state,
      rules: {
        ...state.rules,
        workloads: [...state.rules.workloads, { ...state.rules.workloads[0]!, endpoint: 'again' }],
      },
    },
    /two endpoints/,
  ],
  'an id that no annotation carries': [withEntries({ ...toServer, id: 'a,b' }), /an id/],
};
