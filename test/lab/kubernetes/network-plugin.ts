/*
 * What a network plugin does with NetworkPolicies, as rules of nftables for the node that the pods are behind. Written from the documentation of the
 * Kubernetes API (networking.k8s.io/v1, NetworkPolicySpec) and sharing nothing with Cordon's driver:
 *
 *   a pod that a policy selects for a direction is isolated in it: nothing passes but what at least one rule of any such policy allows
 *   a connection must be allowed at both of its ends; answers always pass
 *   `from` and `to` missing or empty: everybody; `ports` missing or empty: everything
 *
 * What it does not know it refuses: a plugin that guesses would prove nothing.
 */
export interface Pod {
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
}

interface IpBlock {
  readonly cidr: string;
  readonly except?: readonly string[];
}
interface Peer {
  readonly ipBlock?: IpBlock;
}
interface Port {
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP';
  readonly port?: number | string;
  readonly endPort?: number;
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly Port[];
}
export interface NetworkPolicy {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly podSelector: {
      readonly matchLabels?: Readonly<Record<string, string>>;
      readonly matchExpressions?: unknown;
    };
    readonly policyTypes?: readonly ('Ingress' | 'Egress')[];
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
}

const directions = [
  { type: 'Ingress', rules: 'ingress', peers: 'from', pod: 'daddr', peer: 'saddr' },
  { type: 'Egress', rules: 'egress', peers: 'to', pod: 'saddr', peer: 'daddr' },
] as const;
type Direction = (typeof directions)[number];

/** Text for `nft -f`. */
export function nodeRules(policies: readonly NetworkPolicy[], pods: readonly Pod[]): string {
  const chains: string[] = [];
  const jumps: string[] = [];
  for (const [i, pod] of pods.entries()) {
    for (const direction of directions) {
      const isolating = policies.filter((policy) => selects(policy, pod) && isAbout(policy, direction));
      if (isolating.length === 0) continue;
      const name = `pod${i}_${direction.rules}`;
      const allowed = isolating.flatMap(({ spec }) =>
        (spec[direction.rules] ?? []).flatMap((rule) => matches(rule, direction)),
      );
      chains.push(`chain ${name} {`, ...allowed.map((match) => `  ${match} return`), '  counter drop', '}');
      jumps.push(...pod.addresses.map((address) => `  ${family(address)} ${direction.pod} ${address} jump ${name}`));
    }
  }
  return [
    'table inet plugin {',
    ...chains,
    'chain forward {',
    '  type filter hook forward priority filter; policy accept;',
    '  ct state established,related accept',
    ...jumps,
    '}',
    '}',
    '',
  ].join('\n');
}

function selects({ metadata, spec }: NetworkPolicy, { labels }: Pod): boolean {
  const { matchLabels = {}, matchExpressions } = spec.podSelector;
  if (matchExpressions !== undefined) throw new Error(`${metadata.name}: matchExpressions are not known here`);
  return Object.entries(matchLabels).every(([name, value]) => labels[name] === value);
}

/** Without `policyTypes` a policy is about Ingress, and about Egress where it has rules for it. */
const isAbout = ({ spec }: NetworkPolicy, { type }: Direction): boolean =>
  spec.policyTypes?.includes(type) ?? (type === 'Ingress' || (spec.egress?.length ?? 0) > 0);

function matches(rule: Rule, direction: Direction): string[] {
  const peers = rule[direction.peers] ?? [];
  const ports = rule.ports ?? [];
  const from = peers.length === 0 ? [''] : peers.map((peer) => block(peer, direction));
  const what = ports.length === 0 ? [''] : ports.map(service);
  return from.flatMap((peer) => what.map((port) => `${peer} ${port}`.trim()));
}

function block({ ipBlock, ...others }: Peer, { peer }: Direction): string {
  if (!ipBlock || Object.keys(others).length > 0) throw new Error(`peers other than ipBlock are not known here`);
  const { cidr, except = [] } = ipBlock;
  const side = `${family(cidr)} ${peer}`;
  return [
    cidr.endsWith('/0') ? `meta nfproto ${family(cidr) === 'ip' ? 'ipv4' : 'ipv6'}` : `${side} ${cidr}`,
    ...except.map((prefix) => `${side} != ${prefix}`),
  ].join(' ');
}

function service({ protocol = 'TCP', port, endPort }: Port): string {
  if (typeof port === 'string') throw new Error(`port \`${port}\`: named ports are not known here`);
  const name = protocol.toLowerCase();
  if (port === undefined) return `meta l4proto ${name}`;
  return `${name} dport ${endPort === undefined ? port : `${port}-${endPort}`}`;
}

const family = (address: string): 'ip' | 'ip6' => (address.includes(':') ? 'ip6' : 'ip');
