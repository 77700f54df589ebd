import {
  addressSet,
  formatPrefix,
  hasPorts,
  intersectAddresses,
  isEmptyAddressSet,
  noAddresses,
  prefixesOfRange,
  protocols,
  rangesOf,
  serviceAlgebra,
  splitByProtocol,
  type AddressSet,
  type ProtocolPorts,
  type ServiceSet,
} from '#net';
import type { Effect, Policy } from '#policy';

/** The same policy in Capirca's words: one filter for each class. */
export interface CapircaSources {
  readonly networks: string;
  readonly services: string;
  /** Class → its filter; no entry for a class that may open nothing. */
  readonly filters: ReadonlyMap<string, string>;
}

/**
 * What devices of these classes may open towards endpoints, written as favourably to Capirca as can be:
 * - rules of a class for one application are one term, so that Capirca can merge all their addresses;
 * - denies stand first, and only those that take something away from an allow of the class;
 * - the default deny is the target's own and costs no line.
 *
 * Rules towards device classes are left out: Capirca knows fixed addresses only. Throws on what it can't say exactly.
 */
export function capircaSources(policy: Policy, classes: readonly string[]): CapircaSources {
  const resolver = new Resolver(policy);
  const rules = rulesBySubject(policy);
  const filters = new Map<string, string>();
  for (const name of classes) {
    const own = [...policy.principalTree.distances(name).keys()].flatMap((group) => rules.get(group) ?? []);
    const terms = termsOf(own, resolver);
    if (terms.length > 0) filters.set(name, `header {\n  target:: cisco ${name} mixed noverbose\n}\n${terms.join('')}`);
  }
  return { networks: networksFile(policy), services: servicesFile(policy), filters };
}

interface RuleWords {
  readonly object: string;
  readonly application: string;
  readonly effect: Effect;
}

function rulesBySubject(policy: Policy): ReadonlyMap<string, readonly RuleWords[]> {
  if (policy.flowRules.some(({ when }) => when.kind !== 'always')) throw new Error('Capirca has no schedules');
  const towardsEndpoints = policy.flowRules.filter(({ object }) => !policy.classes.has(object));
  return Map.groupBy(towardsEndpoints, ({ subject }) => subject);
}

/** What names stand for, each looked up once. */
class Resolver {
  private readonly addresses = new Map<string, AddressSet>();
  private readonly services = new Map<string, ServiceSet>();
  private readonly meetings = new Map<string, boolean>();

  private readonly policy: Policy;

  constructor(policy: Policy) {
    this.policy = policy;
  }

  servicesOf(application: string): ServiceSet {
    return memo(this.services, application, () => {
      const members = this.policy.applicationTree.members(application);
      return serviceAlgebra.normalize(members.flatMap((name) => this.policy.applications.get(name)?.services ?? []));
    });
  }

  private addressesOf(endpoint: string): AddressSet {
    return memo(this.addresses, endpoint, () => {
      const members = this.policy.principalTree.members(endpoint);
      return addressSet(members.flatMap((name) => rangesOf(this.policy.endpoints.get(name)?.addresses ?? noAddresses)));
    });
  }

  /** Whether two rules speak of a common packet. */
  meet(a: RuleWords, b: RuleWords): boolean {
    const here = memo(this.meetings, `addresses ${a.object} ${b.object}`, () => {
      const common = intersectAddresses(this.addressesOf(a.object), this.addressesOf(b.object));
      return !isEmptyAddressSet(common);
    });
    if (!here) return false;
    return memo(this.meetings, `services ${a.application} ${b.application}`, () => {
      const common = serviceAlgebra.intersect(this.servicesOf(a.application), this.servicesOf(b.application));
      return common.length > 0;
    });
  }
}

function memo<T>(cache: Map<string, T>, key: string, make: () => T): T {
  const known = cache.get(key) ?? make();
  cache.set(key, known);
  return known;
}

function termsOf(rules: readonly RuleWords[], resolver: Resolver): string[] {
  const allows = rules.filter(({ effect }) => effect === 'allow');
  const denies = rules.filter((rule) => rule.effect === 'deny' && allows.some((allow) => resolver.meet(rule, allow)));
  return [...grouped(denies, 'deny', resolver), ...grouped(allows, 'accept', resolver)].map(
    (lines, i) => `term t${i} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`,
  );
}

/** One term for each application and protocol, with all objects. */
function grouped(rules: readonly RuleWords[], action: 'accept' | 'deny', resolver: Resolver): string[][] {
  return [...Map.groupBy(rules, ({ application }) => application)].flatMap(([application, same]) => {
    const objects = [...new Set(same.map(({ object }) => networkToken(object)))].join(' ');
    return matchesOf(application, resolver.servicesOf(application)).map((match) => [
      `destination-address:: ${objects}`,
      ...match,
      `action:: ${action}`,
    ]);
  });
}

const protocolNames = new Map<number, string>([
  [protocols.tcp, 'tcp'],
  [protocols.udp, 'udp'],
  [protocols.sctp, 'sctp'],
  [protocols.icmp, 'icmp'],
  [protocols.icmp6, 'icmpv6'],
  [47, 'gre'],
  [50, 'esp'],
]);
const icmpTypes = new Map([
  [`${protocols.icmp}/8`, 'echo-request'],
  [`${protocols.icmp6}/128`, 'echo-request'],
]);

function matchesOf(application: string, services: ServiceSet): string[][] {
  const [first] = services;
  if (first?.first === 0 && first.last === 0xff_ffff) return [[]];
  const byProtocol = Map.groupBy(services.flatMap(splitByProtocol), ({ protocol }) => protocol);
  return [...byProtocol].map(([protocol, parts]) => {
    const name = protocolNames.get(protocol) ?? cannotSay(application);
    if (parts.some(({ ports }) => ports === null)) return [`protocol:: ${name}`];
    if (hasPorts(protocol)) return [`protocol:: ${name}`, `destination-port:: ${serviceToken(application)}`];
    const types = parts.map(({ ports }) => icmpTypes.get(`${protocol}/${onlyPort(ports)}`) ?? cannotSay(application));
    return [`protocol:: ${name}`, `icmp-type:: ${types.join(' ')}`];
  });
}

const onlyPort = (ports: ProtocolPorts['ports']): number | null => (ports?.first === ports?.last ? ports!.first : null);

function cannotSay(application: string): never {
  throw new Error(`no words in Capirca's language for application \`${application}\``);
}

/* First letters keep the policy's names apart from Capirca's keywords and from addresses. */
const networkToken = (name: string): string => `n-${name}`;
const serviceToken = (name: string): string => `s-${name}`;

/** Every endpoint with its own prefixes and the names of its members: groups stay groups. */
function networksFile(policy: Policy): string {
  const tree = policy.principalTree;
  const names = new Set<string>();
  for (const name of policy.endpoints.keys()) for (const above of tree.distances(name).keys()) names.add(above);
  return [...names]
    .map((name) => {
      const ranges = rangesOf(policy.endpoints.get(name)?.addresses ?? noAddresses);
      const own = ranges.flatMap(prefixesOfRange).map((prefix) => withLength(formatPrefix(prefix)));
      return definition(networkToken(name), [...own, ...tree.children(name).map(networkToken)]);
    })
    .join('');
}

const withLength = (text: string): string =>
  text.includes('/') ? text : text.includes(':') ? `${text}/128` : `${text}/32`;

/** Every application with the ports of its own and the names of its members; only what has ports. */
function servicesFile(policy: Policy): string {
  const tree = policy.applicationTree;
  const names = new Set<string>();
  for (const [name, { services }] of policy.applications) {
    const hasAny = services
      .flatMap(splitByProtocol)
      .some(({ protocol, ports }) => hasPorts(protocol) && ports !== null);
    if (hasAny) for (const above of tree.distances(name).keys()) names.add(above);
  }
  return [...names]
    .map((name) => {
      const own = (policy.applications.get(name)?.services ?? []).flatMap(splitByProtocol).flatMap((part) => {
        const { protocol, ports } = part;
        if (ports === null || !hasPorts(protocol)) return [];
        const range = ports.first === ports.last ? `${ports.first}` : `${ports.first}-${ports.last}`;
        return [`${range}/${protocolNames.get(protocol)!}`];
      });
      const members = tree.children(name).filter((member) => names.has(member));
      return definition(serviceToken(name), [...own, ...members.map(serviceToken)]);
    })
    .join('');
}

const definition = (token: string, values: readonly string[]): string => `${token} = ${values.join('\n    ')}\n`;
