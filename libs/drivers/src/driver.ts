import type { Diagnostic } from '#base';
import type { Connection, EnforcementState } from '#model';

/**
 * The contract of every enforcement driver. A driver turns an `EnforcementState` into the artefact of one make of device
 * and brings it there. `render`, `parse` and `plan` are pure; only the session talks.
 *
 *   desired ──render──▶ artefact (text)        device ──read──▶ text ──parse──▶ observed
 *      └───────────────────────── plan(desired, observed) ───────────────────────┘
 *                                      │ apply → confirm (read back, compare) → or rollback
 *
 * A driver does not decide what is allowed (libs/policy does), nor when to act or retry (libs/reconcile does).
 */
export interface Driver {
  readonly name: string;
  readonly capabilities: DriverCapabilities;
  /** What this make can't express, as errors: asked before anything is rendered. An empty list means all of it fits. */
  check(state: EnforcementState): readonly Diagnostic[];
  /** The whole artefact, for people and for verification. Same input, same bytes. */
  render(state: EnforcementState): string;
  /** The inverse, for an artefact or for what `read` gave; null when nothing of ours is there. Throws `TerminalFault` on text that is not the device's. */
  parse(text: string): ObservedState | null;
  /** `parse(render(state))`, without making the text. A driver may keep what it worked out for a `rules` object: it never changes. */
  expect(state: EnforcementState): ObservedState;
  plan(desired: EnforcementState, observed: ObservedState | null): ChangePlan;
  connect(target: EnforcementTarget): EnforcementSession;
}

export interface DriverCapabilities {
  /** A change takes effect wholly or not at all. */
  readonly atomic: boolean;
  readonly stateful: boolean;
  readonly cutsConnections: boolean;
}

/** What the device holds of ours, in the driver's own canonical form; equal fingerprints mean equal behaviour. */
export interface ObservedState {
  readonly rulesFingerprint: string;
  /** Set or group name → addresses in canonical text. */
  readonly membership: ReadonlyMap<string, ReadonlySet<string>>;
  /** Policy line ids found on the device. */
  readonly ruleIds: ReadonlySet<string>;
}

/** A change as data. `steps` is for people; `commands` is what the session executes. */
export interface ChangePlan {
  readonly kind: 'none' | 'membership' | 'rules';
  readonly steps: readonly string[];
  readonly commands: string;
}

/** How to reach a device: the resolved form of a policy's `transport`. */
export type EnforcementTarget =
  | { readonly kind: 'simulated'; readonly name: string }
  | { readonly kind: 'local' }
  | { readonly kind: 'netns'; readonly namespace: string }
  | {
      readonly kind: 'ssh';
      readonly host: string;
      readonly port: number;
      readonly user: string;
      /** Path of the private key. */
      readonly identityFile: string;
      /** One known_hosts line. */
      readonly hostKey: string;
    };

/** How often a policy line's entries matched on the device. */
export interface RuleCounter {
  /** Policy line id, or `denied` for the final drop. */
  readonly id: string;
  readonly packets: number;
  readonly bytes: number;
}

export interface EnforcementSession {
  /** The device's own text of our objects (null: none), never cached. */
  read(): Promise<string | null>;
  /** Executes a plan atomically; remembers what was there before for `rollback`. */
  apply(plan: ChangePlan): Promise<void>;
  /** Ends a change: nothing to roll back to any more. */
  confirm(): Promise<void>;
  /** Puts back what was there before the last unconfirmed `apply`. */
  rollback(): Promise<void>;
  counters(): Promise<readonly RuleCounter[]>;
  connections(): Promise<readonly Connection[]>;
  /** Ends tracked connections at once. One that is gone already is no fault. */
  cut(connections: readonly Connection[]): Promise<void>;
  close(): Promise<void>;
}

/** The device did not answer, or answered that it can't now: retry with back-off. */
export class RemoteFault extends Error {
  override readonly name = 'RemoteFault';
}

/** Retrying won't help: stop and tell a person. */
export class TerminalFault extends Error {
  override readonly name = 'TerminalFault';
}
