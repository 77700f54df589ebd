import { remembered } from '#base';
import type { Content } from '../codec/encoded.js';
import type { AccessRuleSource, FlowRuleSource, Policy, RuleSource } from '../policy.js';
import type { Resolution } from '../resolve.js';
import type { AccessRule, FlowRule, NasEntry } from '../snapshot.js';
import { exceptionEnd, isExcepted } from '../client-exceptions.js';
import { formatWhen } from '../when.js';
import { ruleLine } from './access.js';
import { Latest, Successive } from '../version-memory.js';
import type { RulesInForce } from './conditions.js';

type Catalog = Pick<
  Content,
  | 'classes'
  | 'sites'
  | 'segments'
  | 'endpoints'
  | 'applications'
  | 'schedules'
  | 'nas'
  | 'proxies'
  | 'eap'
  | 'radsec'
  | 'suspicions'
  | 'rollout'
  | 'enforcementPoints'
>;

/** The parts of a snapshot that say what names are; the same objects as long as the policy's are. */
export class CatalogSections {
  private readonly classes = new Latest<Content['classes']>();
  private readonly sites = new Latest<Content['sites']>();
  private readonly segments = new Latest<Content['segments']>();
  private readonly endpoints = new Latest<Content['endpoints']>();
  private readonly applications = new Latest<Content['applications']>();
  private readonly schedules = new Latest<Content['schedules']>();
  private readonly nas = new Latest<Content['nas']>();
  private readonly proxies = new Latest<Content['proxies']>();
  private readonly points = new Latest<Content['enforcementPoints']>();

  of(policy: Policy, resolution: Resolution, at: Date): Catalog {
    const {
      classes,
      sites,
      segments,
      endpoints,
      applications,
      nas,
      proxies,
      eap,
      radsec,
      suspicions,
      rollout,
      enforcementPoints,
    } = policy;
    const ended = nas.filter((entry) => exceptionEnd(entry) !== null && !isExcepted(entry, at));
    const { principalTree, siteTree, applicationTree } = policy;
    return {
      classes: this.classes.get([classes, principalTree], () =>
        [...classes.values()].map(({ name, description, criticality, dynamicAuthorization }) => ({
          name,
          description,
          criticality,
          dynamicAuthorization,
          ...principalTree.lineage(name),
        })),
      ),
      sites: this.sites.get([sites, siteTree], () =>
        [...sites.keys()].map((name) => ({ name, ...siteTree.lineage(name) })),
      ),
      segments: this.segments.get([segments], () =>
        [...segments.values()].map(({ name, dedicatedTo, role, voice, sites: places }) => ({
          name,
          dedicatedTo,
          role,
          voice,
          sites: places,
        })),
      ),
      endpoints: this.endpoints.get([endpoints, principalTree], () =>
        [...endpoints.values()].map(({ name, description }) => ({
          name,
          description,
          ...principalTree.lineage(name),
          addresses: resolution.addressesOf(name),
        })),
      ),
      applications: this.applications.get([applications, applicationTree], () =>
        [...applications.keys()].map((name) => ({
          name,
          ...applicationTree.lineage(name),
          services: resolution.servicesOf(name),
        })),
      ),
      schedules: this.schedules.get([policy.schedules], () => [...policy.schedules.values()]),
      nas: this.nas.get([nas, ...ended], () =>
        nas.map(({ span: _, isLeftAlone: __, ...entry }): NasEntry =>
          ended.some(({ name }) => name === entry.name) ? { ...entry, messageAuthenticator: 'required' } : entry,
        ),
      ),
      proxies: this.proxies.get([proxies], () => proxies.map(({ span: _, ...entry }) => entry)),
      eap,
      radsec,
      suspicions,
      rollout,
      enforcementPoints: this.points.get([enforcementPoints], () =>
        enforcementPoints.map(({ span: _, ...entry }) => entry),
      ),
    };
  }
}

/** The rules of a snapshot; each the same object as long as its line and its being in force are the same. */
export class RuleSections {
  private readonly flows = new RuleSection(flowRule);
  private readonly accesses = new RuleSection(accessRule);

  of(flows: RulesInForce<FlowRuleSource>, accesses: RulesInForce<AccessRuleSource>) {
    return { flowRules: this.flows.of(flows), accessRules: this.accesses.of(accesses) };
  }
}

class RuleSection<S extends RuleSource, T extends { readonly active: boolean }> {
  private readonly rules: Successive<S, T>;
  /** Those of rules with a condition, which come into force without a change of their line, while they were not. */
  private readonly idle = new WeakMap<T, T>();

  /** `make`: of a rule in force. */
  constructor(private readonly make: (source: S) => T) {
    this.rules = new Successive<S, T>(
      ({ id }) => id,
      (source) => this.frozen(source),
    );
  }

  /** Frozen. */
  of({ all, active }: RulesInForce<S>): readonly T[] {
    const made = this.rules.map(all, (source) => this.frozen(source)).slice();
    if (!active) return Object.freeze(made);
    return Object.freeze(
      made.map((rule, i) =>
        active[i] ? rule : remembered(this.idle, rule, () => Object.freeze({ ...rule, active: false })),
      ),
    );
  }

  private frozen(source: S): T {
    return Object.freeze(this.make(source));
  }
}

function flowRule(rule: FlowRuleSource): FlowRule {
  const { subject, object, application, effect, when, note } = rule;
  return { ...ruleLine(rule), subject, object, application, effect, when: formatWhen(when), note, active: true };
}

function accessRule(rule: AccessRuleSource): AccessRule {
  const { class: device, site, posture, segment, when, note } = rule;
  return { ...ruleLine(rule), class: device, site, posture, segment, when: formatWhen(when), note, active: true };
}
