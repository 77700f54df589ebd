import type { Diagnostic } from '#base';
import type { Driver, ObservedState } from '#drivers';
import type { EnforcementRules, EnforcementState } from '#model';
import { provePolicies } from './kubernetes/prove.js';
import { proveWatching } from './nftables/prove-watching.js';
import { differs, proveMembers, proveRules, type ProvedRules } from './nftables/prove.js';
import { proveFlows } from './openvswitch/prove.js';
import { proveSwitch } from './switch/prove.js';

/** How the rules read back, and whom each of their sets holds; or a packet of which they say another thing. */
export type RulesProof = ProvedRules | Diagnostic;

type RulesDriver = Pick<Driver, 'name' | 'render' | 'parse'>;

/** Of the drivers whose members stand in sets of their own. */
const provers: Readonly<Record<string, (driver: RulesDriver, rules: EnforcementRules) => RulesProof>> = {
  nftables: proveRules,
  openvswitch: proveFlows,
};

/** Takes a good part of a second for a site, and needs nothing but its arguments: it may be done in a thread. */
export const proveRulesOf = (driver: RulesDriver, rules: EnforcementRules): RulesProof =>
  provers[driver.name]?.(driver, rules) ?? differs(`there is no proof for artefacts of driver \`${driver.name}\``);

/**
 * Whether what a driver would push means what it must enforce: asked before each push. Where members stand in sets of their own, the
 * proof of the rules holds for every membership, so it is made once for each policy; a change of members is checked set by set. It
 * decides nothing but that.
 */
export class EnforcementProof {
  private made: { readonly rules: EnforcementRules; readonly result: RulesProof } | null = null;

  constructor(private readonly driver: Pick<Driver, 'name' | 'render' | 'parse' | 'expect' | 'meaningOf'>) {}

  /** The rules have to be proved before anything is said of members: by `take`, or else when it is asked for. */
  lacks(rules: EnforcementRules): boolean {
    return Object.hasOwn(provers, this.driver.name) && this.made?.rules !== rules;
  }

  /** What `proveRulesOf` the same driver and rules gave somewhere else. */
  take(rules: EnforcementRules, result: RulesProof): void {
    this.made = { rules, result };
  }

  /** Before anything is planned: the rules, and the members as the driver would have them. Null: proved. */
  check(state: EnforcementState): Diagnostic | null {
    if (this.isProvedByState) return provePolicies(state, this.driver.render(state));
    return this.against(state, () => this.driver.expect(state));
  }

  /** The very text of a whole artefact that is about to be pushed. Null: proved. */
  checkText(state: EnforcementState, text: string): Diagnostic | null {
    if (this.isProvedByState) return provePolicies(state, text);
    return this.against(state, () => this.driver.parse(text));
  }

  /** The text of a change that is to touch nothing but what watches a candidate, and members. Null: proved, as far as rules go. */
  checkWatching(text: string): Diagnostic | null {
    return this.driver.name === 'nftables'
      ? proveWatching(text)
      : differs(`driver \`${this.driver.name}\` watches nothing`);
  }

  /** Its artefact has the members in it: rules and members are proved together, each time. */
  private get isProvedByState(): boolean {
    return this.driver.name === 'kubernetes';
  }

  private against({ rules, membership }: EnforcementState, read: () => ObservedState | null): Diagnostic | null {
    const { meaningOf } = this.driver;
    if (meaningOf) return proveSwitch({ meaningOf }, rules, read);
    if (this.made?.rules !== rules) this.made = { rules, result: proveRulesOf(this.driver, rules) };
    const { result } = this.made;
    if ('code' in result) return result;
    const observed = read();
    return observed ? proveMembers(result, observed, membership) : differs('the text has nothing of ours');
  }
}
