import type { Diagnostic } from '#base';
import { driverFacts, kubernetesNamespaces, type EnforcementState, type Workload } from '#model';
import { formatServices, parseAddress, prefixesOfRange, rangesOf, type AddressSet } from '#net';
import { checkParts } from '../check-parts.js';
import { TerminalFault, type Driver, type DriverOptions } from '../driver.js';
import { directions, isDnsLabel, isPlainId } from './names.js';
import { parse } from './parse.js';
import { plan, renderer } from './plan.js';
import { needsRanges, unsayable } from './ports.js';
import { devicesOf, hasPart, reachOf, speaksOf, type PeerGroup } from './reach.js';
import { formatText, type RenderOptions } from './render.js';
import { KubernetesSession } from './session.js';
import { ApiTransport } from './transport.js';

const facts = { name: 'kubernetes', enforces: driverFacts.kubernetes.enforces() } as const;

/** An API server under load answers within seconds; one that needs longer is not answering. */
const defaultTimeoutMilliseconds = 15_000;

/** Clinical services in a Kubernetes cluster: NetworkPolicies for the pods of each. */
export function createKubernetesDriver(
  options: DriverOptions,
  timeoutMilliseconds = defaultTimeoutMilliseconds,
): Driver {
  const namespaces = kubernetesNamespaces(options);
  const renderOptions: RenderOptions = { hasRanges: options['portRanges'] !== 'no' };
  const rendered = renderer(renderOptions);
  return {
    ...facts,
    capabilities: { atomic: false, stateful: false, cutsConnections: false, watchesCandidates: false },
    check: (state) => {
      const errors = check(state, namespaces);
      return errors.length > 0 ? errors : checkReach(state, renderOptions);
    },
    render: (state) => formatText({ items: rendered(state).items }),
    parse,
    expect: (state) => rendered(state).observed,
    plan: (desired, observed) => plan(rendered(desired), observed),
    connect(target) {
      if (target.kind !== 'kubernetes') throw new TerminalFault(`kubernetes is not reached by \`${target.kind}\``);
      return new KubernetesSession(new ApiTransport(target, namespaces, timeoutMilliseconds));
    },
  };
}

const errorOf = (code: string, summary: string, hint: string): Diagnostic => ({
  severity: 'error',
  code,
  summary,
  hint,
});

function check(state: EnforcementState, namespaces: readonly string[]): Diagnostic[] {
  const { rules, membership } = state;
  const out = checkParts(facts, state);
  const error = (...parts: Parameters<typeof errorOf>): number => out.push(errorOf(...parts));
  const seen = new Set<string>();
  for (const workload of rules.workloads) {
    const { endpoint, namespace, service } = workload;
    const key = `${namespace}/${service}`;
    if (!isDnsLabel(namespace) || !isDnsLabel(service))
      error(
        'kubernetes-name',
        `endpoint \`${endpoint}\`: \`${key}\` is no service of Kubernetes`,
        'namespace and service are names of small letters, digits and `-`, at most 63 characters',
      );
    else if (!namespaces.includes(namespace))
      error(
        'kubernetes-namespace',
        `endpoint \`${endpoint}\` is in namespace \`${namespace}\`, which this point does not look after`,
        'name it in the option `namespaces` of the point, and give the service account its rights there',
      );
    if (seen.has(key))
      error(
        'kubernetes-same-service',
        `two endpoints are the service \`${key}\`, one of them \`${endpoint}\``,
        'rules for the same pods would add up: make one endpoint of them',
      );
    seen.add(key);
    if (hasPart(rules.scope, workload))
      error(
        'kubernetes-part-of-scope',
        `some but not all addresses of endpoint \`${endpoint}\` are in scope`,
        'a NetworkPolicy speaks of pods, not of their addresses: all or none must be in scope',
      );
    for (const { line, source, destination } of rules.entries)
      if ([source, destination].some((side) => side.kind === 'addresses' && hasPart(side.addresses, workload)))
        error(
          'kubernetes-part-of-workload',
          `the line at ${line} is about some but not all addresses of endpoint \`${endpoint}\``,
          'a NetworkPolicy speaks of pods, not of their addresses: name the endpoint, or make two of it',
        );
  }
  for (const { id, line } of rules.entries)
    if (!isPlainId(id))
      error(
        'kubernetes-line-id',
        `the line at ${line} has an id that an annotation can't carry`,
        'ids have 1 to 64 digits, letters a-z and `-`',
      );
  for (const [name, addresses] of membership)
    for (const address of addresses)
      if (!parseAddress(address))
        error(
          'kubernetes-member',
          `\`${address}\` of class \`${name}\` is no address`,
          'members are single IPv4 or IPv6 addresses, not v4-mapped',
        );
  return out;
}

/** Blocks, or line ids, that one object takes: some 70 bytes each, of the 1.5 MB that etcd takes and the 256 KB of annotations. */
const mostBlocks = 15_000;
const mostLines = 15_000;

function isTooLarge({ rules }: EnforcementState, workload: Workload, groups: readonly PeerGroup[]): boolean {
  const count = (set: AddressSet): number => rangesOf(set).flatMap(prefixesOfRange).length;
  return (
    count(rules.scope) > mostBlocks / 2 ||
    rules.entries.filter((entry) => speaksOf(entry, workload)).length > mostLines ||
    groups.some(({ addresses, carved }) => count(addresses) + carved.length > mostBlocks)
  );
}

/** What can be said only once denies are taken off what is allowed. Each set of lines is told once for an endpoint. */
function checkReach(state: EnforcementState, { hasRanges }: RenderOptions): Diagnostic[] {
  const devices = devicesOf(state);
  const found = new Map<string, Diagnostic>();
  for (const workload of state.rules.workloads)
    for (const direction of directions) {
      const { groups } = reachOf(state, devices, workload, direction);
      if (isTooLarge(state, workload, groups))
        found.set(
          workload.endpoint,
          errorOf(
            'kubernetes-size',
            `what policy says of endpoint \`${workload.endpoint}\` is too much for one NetworkPolicy`,
            'allow fewer and larger blocks of addresses',
          ),
        );
      for (const { services, places } of groups) {
        const lines = `${places.length === 1 ? 'the line at' : 'the lines at'} ${places.join(', ')}`;
        const beyond = unsayable(services);
        const whom = `${direction === 'from' ? 'to' : 'from'} endpoint \`${workload.endpoint}\``;
        const key = `${workload.endpoint} ${direction} ${lines}`;
        if (beyond.length > 0)
          found.set(
            key,
            errorOf(
              'kubernetes-protocol',
              `${lines} allow ${formatServices(beyond).slice(0, 100)} ${whom}, which no NetworkPolicy can say`,
              'NetworkPolicies know TCP, UDP and SCTP: allow ports of these, or `any` without a deny that takes a part of it away',
            ),
          );
        else if (!hasRanges && needsRanges(services))
          found.set(
            key,
            errorOf(
              'kubernetes-port-range',
              `${lines} allow more ports ${whom} than can be named one by one`,
              'clusters before 1.25 have no ranges of ports: allow fewer, or the whole protocol, or take the option `portRanges: no` away',
            ),
          );
      }
    }
  return [...found.values()];
}
