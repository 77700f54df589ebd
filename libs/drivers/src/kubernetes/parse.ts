import { canonicalJson, compareText, sha256 } from '#base';
import { bitsOf, formatAddress, parsePrefix, type Prefix } from '#net';
import { z } from 'zod';
import { TerminalFault, type ObservedState } from '../driver.js';
import * as names from './names.js';
import type { ParsedPeer, ParsedPolicy, ParsedPort, ParsedRule } from './policies.js';
import { problemOf } from './service-problem.js';

/*
 * Reads what stands on a cluster, and what `render` writes, by what the Kubernetes API says of these objects; it shares no code with
 * `render`. Whatever it does not know is kept as text and makes the object foreign: never is a condition dropped.
 */

const text = z.record(z.string(), z.string());
const prefix = z.string().transform((written, context): Prefix => {
  const parsed = written.includes('/') ? parsePrefix(written) : 'bad-length';
  if (typeof parsed !== 'string') return parsed;
  context.addIssue({ code: 'custom', message: `\`${written}\` is no prefix` });
  return z.NEVER;
});
const numbers = { TCP: 6, UDP: 17, SCTP: 132 } as const;
const portNumber = z.int().min(1).max(65_535);
const port = z
  .strictObject({
    protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
    port: portNumber.optional(),
    endPort: portNumber.optional(),
  })
  .refine(({ port, endPort }) => endPort === undefined || (port !== undefined && port <= endPort))
  .transform(({ protocol, port: first, endPort }): ParsedPort => {
    return { protocol: numbers[protocol], ports: first === undefined ? null : { first, last: endPort ?? first } };
  });
const peer = z
  .strictObject({ ipBlock: z.strictObject({ cidr: prefix, except: z.array(prefix).optional() }) })
  .transform(({ ipBlock: { cidr, except = [] } }): ParsedPeer => ({ cidr, except }));
// No peers at all would mean everybody, and no ports in a list every port: neither is ever written.
const ports = z.array(port).min(1).optional();
const peers = z.array(peer).min(1);
const ingress = z.strictObject({ from: peers, ports }).transform((rule) => ruleOf(rule.from, rule.ports));
const egress = z.strictObject({ to: peers, ports }).transform((rule) => ruleOf(rule.to, rule.ports));
const ruleOf = (peers: readonly ParsedPeer[], ports: readonly ParsedPort[] | undefined): ParsedRule => ({
  peers,
  ports: ports ?? null,
});
const spec = z.strictObject({
  podSelector: z.strictObject({ matchLabels: text.default({}) }),
  policyTypes: z.array(z.enum(['Ingress', 'Egress'])).min(1),
  ingress: z.array(ingress).optional(),
  egress: z.array(egress).optional(),
});

const head = z.looseObject({
  namespace: z.string(),
  name: z.string(),
  labels: text.default({}),
  annotations: text.default({}),
});
const ownAnnotations = new Set<string>([names.serviceKey, names.linesKey, names.addressesKey, names.rulesKey]);
const item = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('NetworkPolicy'), metadata: head, spec: z.unknown() }),
  z.looseObject({
    kind: z.literal('Service'),
    metadata: z.looseObject({ namespace: z.string(), name: z.string() }),
    spec: z.looseObject({ selector: text.optional() }),
  }),
]);
const list = z.looseObject({ kind: z.literal('List'), items: z.array(item) });

type ReadService = Extract<z.infer<typeof item>, { kind: 'Service' }>;
type ReadPolicy = Extract<z.infer<typeof item>, { kind: 'NetworkPolicy' }>;

/** Policies in order of their names. Throws `TerminalFault` on text that is not a cluster's. */
export function parsePolicies(written: string): ParsedPolicy[] {
  let json: unknown;
  try {
    json = JSON.parse(written);
  } catch {
    throw new TerminalFault('the list of NetworkPolicies is no JSON');
  }
  const read = list.safeParse(json);
  if (!read.success) throw new TerminalFault(`the list of NetworkPolicies is not understood: ${issuesOf(read.error)}`);
  const services = new Map<string, ReadService>();
  for (const each of read.data.items)
    if (each.kind === 'Service') services.set(`${each.metadata.namespace}/${each.metadata.name}`, each);
  return read.data.items
    .flatMap((each) => (each.kind === 'NetworkPolicy' && isOurs(each) ? [readPolicy(each, services)] : []))
    .sort((a, b) => compareText(keyOf(a), keyOf(b)));
}

const isOurs = ({ metadata }: ReadPolicy): boolean =>
  Object.entries(names.ownLabels).every(([key, value]) => metadata.labels[key] === value);

const issuesOf = (error: z.ZodError): string =>
  error.issues
    .slice(0, 3)
    .map(({ path, message }) => [...path, message].join(' '))
    .join('; ');

const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

function readPolicy({ metadata, spec: written }: ReadPolicy, services: ReadonlyMap<string, ReadService>): ParsedPolicy {
  const { namespace, name, labels, annotations, ...rest } = metadata;
  const service = annotations[names.serviceKey] ?? '';
  const target = services.get(`${namespace}/${service}`);
  const problem = target ? problemOf(target) : 'the service is not there';
  const read = spec.safeParse(written);
  const foreign = [
    ...Object.keys(labels)
      .filter((key) => !(key in names.ownLabels))
      .map((key) => `label ${key}`),
    ...Object.keys(annotations)
      .filter((key) => !ownAnnotations.has(key))
      .map((key) => `annotation ${key}`),
    ...Object.keys(rest).map((key) => `metadata ${key} ${JSON.stringify(rest[key])}`),
    ...(problem === null ? [] : [problem]),
    ...(read.success ? [] : [`spec ${JSON.stringify(written)} (${issuesOf(read.error)})`]),
  ];
  const opens = read.success
    ? {
        from: read.data.policyTypes.includes('Ingress') ? (read.data.ingress ?? []) : null,
        to: read.data.policyTypes.includes('Egress') ? (read.data.egress ?? []) : null,
      }
    : { from: null, to: null };
  if (read.success && ((opens.from === null && read.data.ingress) || (opens.to === null && read.data.egress)))
    foreign.push('rules of a direction that it is not about');
  return {
    namespace,
    name,
    service,
    selectsService:
      read.success && canonicalJson(read.data.podSelector.matchLabels) === canonicalJson(target?.spec.selector ?? null),
    part: partOf(name, service),
    lines: (annotations[names.linesKey] ?? '').split(',').filter((line) => line !== ''),
    addresses: annotations[names.addressesKey] ?? '',
    rulesHash: annotations[names.rulesKey] ?? '',
    opens,
    foreign,
  };
}

function partOf(name: string, service: string): names.Part | null {
  if (name === `cordon.${service}`) return 'base';
  const [, part] = /\.(?:from|to)\.(addresses|devices)-[0-9a-f]{16}(?:\.[01]+)?$/.exec(name) ?? [];
  return (part as names.Part | undefined) ?? null;
}

/**
 * Devices come and go, and their objects with them. So an object of devices that is in order is told by its name and its members
 * alone; its name has the hash of what it allows. What is not in order, and all else, makes the fingerprint.
 */
export function parse(written: string): ObservedState | null {
  const policies = parsePolicies(written);
  if (policies.length === 0) return null;
  return observe(policies);
}

export function observe(policies: readonly ParsedPolicy[]): ObservedState {
  const membership = new Map<string, ReadonlySet<string>>();
  const fixed: unknown[] = [];
  for (const policy of policies) {
    const key = keyOf(policy);
    if (policy.part === 'devices' && isInOrder(policy))
      membership.set(
        key,
        hostsOf(policy, ({ cidr }) => [cidr]),
      );
    else if (policy.part === 'addresses') {
      const carved = hostsOf(policy, ({ except }) => except.filter(isHost));
      if (carved.size > 0) membership.set(key, carved);
      fixed.push(formOf(policy, ({ except }) => except.filter((each) => !isHost(each))));
    } else fixed.push(formOf(policy, ({ except }) => except));
  }
  return {
    rulesFingerprint: sha256(canonicalJson(fixed)),
    membership,
    ports: new Map(),
    ruleIds: new Set(policies.flatMap(({ part, lines }) => (part === 'base' ? lines : []))),
  };
}

const isHost = ({ family, length }: Prefix): boolean => length === bitsOf(family);

function hostsOf({ opens }: ParsedPolicy, pick: (peer: ParsedPeer) => readonly Prefix[]): Set<string> {
  const rules = [...(opens.from ?? []), ...(opens.to ?? [])];
  return new Set(rules.flatMap(({ peers }) => peers.flatMap(pick)).map(formatAddress));
}

/** Exactly what its name says: one direction, one rule, these ports and lines, and peers that are single addresses. */
function isInOrder({
  name,
  service,
  selectsService,
  lines,
  opens,
  foreign,
  addresses,
  rulesHash,
}: ParsedPolicy): boolean {
  if (!selectsService || foreign.length > 0 || addresses !== '' || rulesHash !== '') return false;
  const direction = opens.from ? 'from' : 'to';
  const [rule, ...more] = opens[direction] ?? [];
  if (!rule || more.length > 0 || (opens.from && opens.to)) return false;
  const key = names.permissionKey(rule.ports && rule.ports.map(formatPort), lines);
  const isNamed = names.withoutPiece(name) === names.groupName(service, direction, 'devices', key);
  return isNamed && rule.peers.every(({ cidr, except }) => isHost(cidr) && except.length === 0);
}

function formatPort({ protocol, ports }: ParsedPort) {
  const name = protocol === 6 ? 'TCP' : protocol === 17 ? 'UDP' : 'SCTP';
  if (!ports) return { protocol: name } as const;
  const { first, last } = ports;
  return { protocol: name, port: first, ...(last > first && { endPort: last }) } as const;
}

/** What an object is but for the members in it, in a form that only its meaning changes. */
function formOf(policy: ParsedPolicy, exceptions: (peer: ParsedPeer) => readonly Prefix[]): unknown {
  const rules = (list: readonly ParsedRule[] | null): unknown =>
    list?.map(({ peers, ports }) => ({
      peers: peers
        .map((each) => `${textOf(each.cidr)} ${exceptions(each).map(textOf).sort(compareText).join()}`)
        .sort(compareText),
      ports: ports?.map((each) => JSON.stringify(formatPort(each))).sort(compareText) ?? null,
    })) ?? null;
  const { opens, ...rest } = policy;
  return { ...rest, opens: { from: rules(opens.from), to: rules(opens.to) } };
}

const textOf = ({ family, value, length }: Prefix): string => `${formatAddress({ family, value })}/${length}`;
