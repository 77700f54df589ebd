import { noRules, stateOf, type EnforcementRules, type EnforcementState, type Membership } from '#model';

/**
 * A state as it goes to the thread that brings it about: what is the same object as in the state before is not sent again. Rules are large
 * and change with the policy; of the sets of members a few change at a time.
 */
export interface GoalMessage {
  /** Null: as before. */
  readonly rules: EnforcementRules | null;
  readonly sets: readonly (readonly [name: string, members: ReadonlySet<string>])[];
  readonly gone: readonly string[];
  readonly ports: EnforcementState['ports'] | null;
}

export class GoalEncoder {
  private last: EnforcementState = stateOf(nothing);

  encode(state: EnforcementState): GoalMessage {
    const { rules, membership, ports } = this.last;
    this.last = state;
    return {
      rules: state.rules === rules ? null : state.rules,
      sets: [...state.membership].filter(([name, members]) => membership.get(name) !== members),
      gone: [...membership.keys()].filter((name) => !state.membership.has(name)),
      ports: state.ports === ports ? null : state.ports,
    };
  }
}

/** Gives the state that was encoded; the same object as before if nothing changed, and the same rules object for the same rules. */
export class GoalDecoder {
  private last: EnforcementState = stateOf(nothing);

  decode({ rules, sets, gone, ports }: GoalMessage): EnforcementState {
    if (rules === null && sets.length === 0 && gone.length === 0 && ports === null) return this.last;
    const membership: Membership = new Map([...this.last.membership, ...sets].filter(([name]) => !gone.includes(name)));
    this.last = stateOf(rules ?? this.last.rules, membership, ports ?? this.last.ports);
    return this.last;
  }
}

/** Rules of no state. */
const nothing: EnforcementRules = { ...noRules };
