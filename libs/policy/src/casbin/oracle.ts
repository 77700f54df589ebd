import { newEnforcer, newModelFromString, StringAdapter, EnforceContext, type Enforcer } from 'casbin';
import { remembered } from '#base';
import { hasAddress, serviceAlgebra, serviceKey, type Address, type AddressSet, type ServiceSet } from '#net';
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
  ) {
    this.endpoints = [...policy.endpoints.keys()].map((name) => [name, addressesOf(policy, name)]);
    this.services = [...policy.applications.keys()].map((name) => [name, servicesOf(policy, name)]);
  }

  private readonly endpoints: readonly (readonly [string, AddressSet])[];
  private readonly services: readonly (readonly [string, ServiceSet])[];

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

  private readonly answers = new Map<string, boolean>();

  /**
   * `flow`, asked once for all questions that Casbin's matcher can't tell apart: it sees names only through `g` and `g2`,
   * so names that Casbin's own role managers link to the same words of the subject's rules get the same answer.
   */
  flowOnce(subject: string, object: string, application: string): boolean {
    const rules = this.rulesOf(subject);
    const key = [
      subject,
      this.linked('g', object, rules.objects),
      this.linked('g2', application, rules.applications),
    ].join('|');
    const known = this.answers.get(key) ?? this.flow(subject, object, application);
    this.answers.set(key, known);
    return known;
  }

  private readonly subjects = new Map<string, { objects: string[]; applications: string[] }>();

  private rulesOf(subject: string): { objects: string[]; applications: string[] } {
    const known = this.subjects.get(subject);
    if (known) return known;
    const rules = this.policy.flowRules.filter((rule) => this.hasLink('g', subject, rule.subject));
    const words = {
      objects: [...new Set(rules.map(({ object }) => object))],
      applications: [...new Set(rules.map((rule) => rule.application))],
    };
    this.subjects.set(subject, words);
    return words;
  }

  private readonly links = new Map<string, string>();

  private linked(type: 'g' | 'g2', name: string, words: readonly string[]): string {
    const key = `${type} ${name} ${words.join()}`;
    const known = this.links.get(key) ?? words.filter((word) => this.hasLink(type, name, word)).join();
    this.links.set(key, known);
    return known;
  }

  private hasLink(type: 'g' | 'g2', name: string, group: string): boolean {
    return name === group || this.enforcer.getNamedRoleManager(type)!.syncedHasLink!(name, group);
  }

  access(deviceClass: string, site: string, posture: Posture, segment: string): boolean {
    const context = new EnforceContext('r2', 'p2', 'e2', 'm2');
    return this.enforcer.enforceSync(context, deviceClass, site, posture, segment, this.at.toISOString());
  }

  /** Whether the first packet from a side to another passes. A side: class of the device, address, or both. */
  async packet(from: OracleSide, to: OracleSide, protocol: number, port: number, once = true): Promise<boolean> {
    const subject = await this.sideName(from);
    const object = await this.sideName(to);
    const application = await this.serviceName(serviceKey(protocol, port));
    return once ? this.flowOnce(subject, object, application) : this.flow(subject, object, application);
  }

  private readonly names = new Map<string, Promise<string>>();

  private sideName({ class: device, address }: OracleSide): Promise<string> {
    const key = `${device ?? ''} ${address ? `${address.family} ${address.value}` : ''}`;
    return remembered(this.names, key, () => {
      const endpoints = address
        ? this.endpoints.filter(([, addresses]) => hasAddress(addresses, address)).map(([name]) => name)
        : [];
      return this.nameOf('g', device === undefined ? endpoints : [device, ...endpoints]);
    });
  }

  private serviceName(service: number): Promise<string> {
    return remembered(this.names, `service ${service}`, () => {
      const names = this.services
        .filter(([, services]) => serviceAlgebra.contains(services, service))
        .map(([name]) => name);
      return this.nameOf('g2', names);
    });
  }

  private readonly named = new Map<string, Promise<string>>();

  /** One Casbin name that belongs to exactly these. */
  private nameOf(type: 'g' | 'g2', groups: readonly string[]): Promise<string> {
    const key = `${type} ${[...groups].sort().join(' ')}`;
    return remembered(this.named, key, () => this.declare(type, groups, `@${type}-${this.named.size}`));
  }

  private async declare(type: 'g' | 'g2', groups: readonly string[], name: string): Promise<string> {
    for (const group of groups) await this.enforcer.addNamedGroupingPolicy(type, name, group);
    return name;
  }
}

export interface OracleSide {
  readonly class?: string;
  readonly address?: Address;
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
