import type { Diagnostic } from '#base';
import type { Connection, EnforcedPart, EnforcementState } from '#model';
import type { AclEntry, Address } from '#net';

/**
 * The contract of every enforcement driver. A driver turns an `EnforcementState` into the artefact of one make of device
 * and brings it there. `check`, `render`, `parse` and `plan` are pure; only the session talks.
 *
 *   desired ──render──▶ artefact (text)        device ──read──▶ text ──parse──▶ observed
 *      └───────────────────────── plan(desired, observed) ───────────────────────┘
 *                                      │ apply → confirm (read back, compare) → or rollback
 *
 * A driver does not decide what is allowed (libs/policy does), nor when to act or retry (libs/reconcile does). Which parts of a
 * state it enforces, how its devices are reached and what options they take stands in `driverFacts` of libs/model, where the
 * policy's loader reads it.
 */
export interface Driver {
  readonly name: string;
  /** With the options that it was made with. Of the other parts of a state it must be told nothing. */
  readonly enforces: readonly EnforcedPart[];
  readonly capabilities: DriverCapabilities;
  /**
   * What this make can't express, as errors: asked when a policy is compiled, and again before anything is rendered. An empty list
   * means all of it fits. A part of the state that the driver does not enforce is such an error when there is anything in it.
   */
  check(state: EnforcementState): readonly Diagnostic[];
  /** The whole artefact, for people and for verification. Same input, same bytes. */
  render(state: EnforcementState): string;
  /** The inverse, for an artefact or for what `read` gave; null when nothing of ours is there. Throws `TerminalFault` on text that is not the device's. */
  parse(text: string): ObservedState | null;
  /** `parse(render(state))`, without making the text. A driver may keep what it worked out for a `rules` object: it never changes. */
  expect(state: EnforcementState): ObservedState;
  plan(desired: EnforcementState, observed: ObservedState | null): ChangePlan;
  /**
   * What `parse` gave, as the proof before a push needs it: of a plan's `commands`, what stands on the device after them. Drivers of
   * lists have it; what drivers of flows push is proved in libs/artefacts, in their own words.
   */
  meaningOf?(observed: ObservedState): SwitchMeaning;
  /** Opens nothing yet: the first exchange does. Throws `TerminalFault` for a target that can't be meant. */
  connect(target: EnforcementTarget): EnforcementSession;
}

/** `options` of a point, as the policy has them: what `driverFacts` lets through. */
export type DriverOptions = Readonly<Record<string, string>>;

export interface DriverCapabilities {
  /** A change takes effect wholly or not at all. Where it does not, it denies before it allows. */
  readonly atomic: boolean;
  /** The device tracks connections: replies pass by theirs, and by nothing else. */
  readonly stateful: boolean;
  /** It lists and ends them for us, so `connections` and `cut` mean something. */
  readonly cutsConnections: boolean;
  /** It tells of packets that pass and that a candidate would drop. Of others, a state has no candidate. */
  readonly watchesCandidates: boolean;
}

/** What the device holds of ours, in the driver's own canonical form; equal fingerprints mean equal behaviour. */
export interface ObservedState {
  /** Of all that does not come and go with devices, whatever is foreign among our objects included. */
  readonly rulesFingerprint: string;
  /** Of what only watches, and changes what becomes of no packet; absent where a driver has nothing of the kind. */
  readonly watching?: {
    readonly fingerprint: string;
    /** There is nothing in it but what we put there, as far as that can be told of it alone. */
    readonly isPlain: boolean;
  };
  /** Set or group name → addresses in canonical text. */
  readonly membership: ReadonlyMap<string, ReadonlySet<string>>;
  /** As `EnforcementState.ports`: only ports that carry our mark. */
  readonly ports: ReadonlyMap<string, number>;
  /** Policy line ids, and names of lists, found on the device. */
  readonly ruleIds: ReadonlySet<string>;
}

/** What lists of a switch do with packets, and which VLANs there are. */
export interface SwitchMeaning {
  /** Entries of which one decides on every packet. Throws where that is not known. */
  list(name: string): readonly AclEntry[];
  readonly vlans: ReadonlyMap<number, ObservedVlan>;
}

export interface ObservedVlan {
  /** Null in a change that leaves the VLAN as it is. */
  readonly name: string | null;
  readonly isActive: boolean;
  /** What we never write, as text. */
  readonly foreign: readonly string[];
}

/**
 * A change as data. `steps` is for people; `commands` is what the session executes. `membership`: members or ports alone, which
 * come and go with devices. `watching`: what becomes of packets stays as it is, but for members.
 */
export interface ChangePlan {
  readonly kind: 'none' | 'membership' | 'watching' | 'rules';
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
    }
  | {
      readonly kind: 'ovsdb';
      /** `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`. */
      readonly ovsdb: string;
      readonly openflow: string;
      /** Paths, for ssl. */
      readonly tls: { readonly certificate: string; readonly key: string; readonly authority: string } | null;
    }
  | {
      readonly kind: 'kubernetes';
      /** Path of a kubeconfig; null: what a pod finds in itself. */
      readonly kubeconfig: string | null;
      readonly context: string | null;
    };

/** How often a policy line's entries matched on the device. */
export interface RuleCounter {
  /** Policy line id, `denied` for the final drop, or `audit` for what passes and a candidate would drop. */
  readonly id: string;
  readonly packets: number;
  readonly bytes: number;
}

/** What `connections` gave for `of`; null: for all. */
export interface ConnectionListing {
  readonly of: readonly Address[] | null;
  readonly connections: readonly Connection[];
}

/** Rejects with `RemoteFault` or `TerminalFault` only, and each call ends: a device that hangs is one that does not answer. */
export interface EnforcementSession {
  /** The device's own text of our objects (null: none), never cached. */
  read(): Promise<string | null>;
  /** Executes a plan; remembers what was there before for `rollback`. Succeeds only once the device said that it did it. */
  apply(plan: ChangePlan): Promise<void>;
  /** Ends a change: nothing to roll back to any more. */
  confirm(): Promise<void>;
  /** Puts back what was there before the last unconfirmed `apply`. */
  rollback(): Promise<void>;
  /**
   * Whether the device has each member that a `membership` plan added, and none that it removed: asked of the device, for these members
   * alone. False also where that can't be told; `read` then tells. Absent where it would save nothing.
   */
  holds?(plan: ChangePlan): Promise<boolean>;
  /**
   * From now until `close`, calls `onLost` soon after the device may have lost all that it held of ours, our own changes included. A hint to
   * look, and no more: it may not come. Absent where a device can't tell.
   */
  watch?(onLost: () => void): void;
  /** Empty where the device counts nothing. */
  counters(): Promise<readonly RuleCounter[]>;
  /** All that the device tracks, empty where it lists none; with `of`, those that have one of these addresses at an end. */
  connections(of?: readonly Address[]): Promise<readonly Connection[]>;
  /**
   * Ends tracked connections at once. One that is gone already is no fault. `listed`: the listing that they are from, if it was made just
   * now. Where a device takes long to find a connection, what sets all of them apart from the others in it may be cut as one.
   */
  cut(connections: readonly Connection[], listed?: ConnectionListing): Promise<void>;
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
