import { newEnforcer, newModelFromString, StringAdapter, EnforceContext, type Enforcer } from 'casbin';
import { hasAddress, serviceAlgebra, serviceKey, type Address } from '#net';
import type { Posture } from '#model';
import { casbinModel } from '../load/model.js';
import type { Policy } from '../policy.js';
import { addressesOf, servicesOf } from '../resolve.js';
import { formatWhen, isActive, parseUntil, type When } from '../when.js';

/**
 * The same policy as Casbin itself decides it: the reference that the compiled snapshot is tested against. Never in a
 * packet path (it scans all rules for each question), and the only code that imports Casbin for device policy.
 *
 * A packet has no names, so it gets one: a name of its own that belongs to every principal (application) that contains
 * it; then `enforce` says what policy says of that packet.
 */
export class CasbinOracle {
  private constructor(
    private readonly enforcer: Enforcer,
    private readonly policy: Policy,
    private readonly at: Date,
  ) {}

  static async create(policy: Policy, at: Date): Promise<CasbinOracle> {
    const enforcer = await newEnforcer(
      newModelFromString(casbinModel),
      new StringAdapter(policyLines(policy).join('\n')),
    );
    await enforcer.addFunction('active', (when: string, instant: string) =>
      isActive(readWhen(when), policy.schedules, new Date(instant)),
    );
    return new CasbinOracle(enforcer, policy, at);
  }

  flow(subject: string, object: string, application: string): boolean {
    return this.enforcer.enforceSync(subject, object, application, this.at.toISOString());
  }

  access(deviceClass: string, site: string, posture: Posture, segment: string): boolean {
    const context = new EnforceContext('r2', 'p2', 'e2', 'm2');
    return this.enforcer.enforceSync(context, deviceClass, site, posture, segment, this.at.toISOString());
  }

  /** Whether the first packet from a side to another passes. A side: class of the device, address, or both. */
  async packet(from: OracleSide, to: OracleSide, protocol: number, port: number): Promise<boolean> {
    const subject = await this.nameOf('g', this.principals(from));
    const object = await this.nameOf('g', this.principals(to));
    const key = serviceKey(protocol, port);
    const names = [...this.policy.applications.keys()].filter((name) =>
      serviceAlgebra.contains(servicesOf(this.policy, name), key),
    );
    return this.flow(subject, object, await this.nameOf('g2', names));
  }

  private principals({ class: device, address }: OracleSide): string[] {
    const endpoints = address
      ? [...this.policy.endpoints.keys()].filter((name) => hasAddress(addressesOf(this.policy, name), address))
      : [];
    return device ? [device, ...endpoints] : endpoints;
  }

  private readonly named = new Map<string, Promise<string>>();

  /** One Casbin name that belongs to exactly these. */
  private nameOf(type: 'g' | 'g2', groups: readonly string[]): Promise<string> {
    const key = `${type} ${[...groups].sort().join(' ')}`;
    const known = this.named.get(key) ?? this.declare(type, groups, `@${type}-${this.named.size}`);
    this.named.set(key, known);
    return known;
  }

  private async declare(type: 'g' | 'g2', groups: readonly string[], name: string): Promise<string> {
    for (const group of groups) await this.enforcer.addNamedGroupingPolicy(type, name, group);
    return name;
  }
}

export interface OracleSide {
  readonly class?: string | undefined;
  readonly address?: Address | undefined;
}

function readWhen(text: string): When {
  return text === 'always' ? { kind: 'always' } : (parseUntil(text) ?? { kind: 'schedule', name: text });
}

/** The policy as one Casbin policy file, with the built-in memberships written out. */
export function policyLines(policy: Policy): string[] {
  const note = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const lines = [
    ...policy.flowRules.map(
      (r) => `p, ${r.subject}, ${r.object}, ${r.application}, ${r.effect}, ${formatWhen(r.when)}, ${note(r.note)}`,
    ),
    ...policy.accessRules.map(
      (r) => `p2, ${r.class}, ${r.site}, ${r.posture}, ${r.segment}, ${formatWhen(r.when)}, ${note(r.note)}`,
    ),
  ];
  const trees = [
    ['g', policy.principalTree, [...policy.classes.keys(), ...policy.endpoints.keys()]],
    ['g2', policy.applicationTree, [...policy.applications.keys()]],
    ['g3', policy.siteTree, [...policy.sites.keys()]],
  ] as const;
  for (const [type, tree, names] of trees) {
    for (const name of names) for (const parent of tree.parents(name)) lines.push(`${type}, ${name}, ${parent}`);
  }
  return lines;
}
