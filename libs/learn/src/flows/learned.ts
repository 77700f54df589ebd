import type { Diagnostic } from '#base';
import type { FlowFile } from '#plan';
import type { RuleLine } from '#policy';

/** How much must be seen before a line is proposed, and what may be proposed at all. */
export interface LearnOptions {
  /** Only lines about these classes and those below them; none: about all. */
  readonly classes: readonly string[];
  /** Take an application that has more ports than were seen, and a class with others below it that were not seen. */
  readonly broader: boolean;
  /** Propose lines to and from the internet, too. */
  readonly internet: boolean;
  readonly minConnections: number;
  /** Devices of a class that must show it; half of them are enough where the class has fewer. */
  readonly minDevices: number;
  /** So many targets of one source in `scanSeconds` are a scan. */
  readonly scanTargets: number;
  readonly scanSeconds: number;
  /** The column `when` of what is proposed. */
  readonly when: string;
}

export const learnDefaults: LearnOptions = {
  classes: [],
  broader: false,
  internet: false,
  minConnections: 3,
  minDevices: 2,
  scanTargets: 20,
  scanSeconds: 60,
  when: 'always',
};

/** What was seen of something. Instants in ISO 8601. */
export interface Evidence {
  readonly connections: number;
  readonly devices: number;
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** `10.21.0.1 (00:03:b1:4a:10:21) -> 10.10.4.20 tcp/443` */
  readonly example: string;
}

/** A line of rules that covers seen connections. */
export interface ProposedLine {
  readonly subject: string;
  readonly object: string;
  readonly application: string;
  readonly when: string;
  readonly evidence: Evidence;
  /** What it opens beyond what was seen; none without `broader`. */
  readonly broader: readonly string[];
}

/** An endpoint that the catalog lacks: one address. */
export interface NewEndpoint {
  readonly name: string;
  readonly address: string;
}

/** An application that the catalog lacks: exactly the ports that were seen. */
export interface NewApplication {
  readonly name: string;
  /** `tcp/104`, `udp/5100-5103` */
  readonly ports: readonly string[];
}

/**
 * Why seen connections are in no line:
 *
 *   scan                 one source, many destinations or ports within a short time
 *   one-off              too few connections, or too few devices of the class
 *   internet             to or from the internet
 *   denied               a deny line of the policy forbids it
 *   test                 a line would break a test or invariant of the policy
 *   other-hours          a line of the policy allows it at other times
 *   unknown-source       nobody knows who sent it, or the address is not that device's
 *   unknown-destination  a device segment, but whose address it is can't be told
 *   no-access            the policy gives one of the devices no access
 *   no-exact-line        every line that covers it would open more than was seen
 */
export type LeftOutKind =
  | 'scan'
  | 'one-off'
  | 'internet'
  | 'denied'
  | 'test'
  | 'other-hours'
  | 'unknown-source'
  | 'unknown-destination'
  | 'no-access'
  | 'no-exact-line';

export interface LeftOut {
  readonly kind: LeftOutKind;
  readonly source: string;
  readonly destination: string;
  readonly service: string;
  readonly evidence: Evidence;
  readonly reason: string;
  /** Lines of the policy that decide about it. */
  readonly lines: readonly RuleLine[];
}

export interface Learned {
  readonly window: Pick<FlowFile, 'format' | 'malformed'> & {
    readonly first: string | null;
    readonly last: string | null;
    readonly records: number;
    readonly replies: number;
    readonly undecided: number;
    /** Between addresses that are no devices. */
    readonly foreign: number;
    /** Allowed by the policy already. */
    readonly allowed: number;
    /** About classes that were not asked for. */
    readonly otherClasses: number;
  };
  readonly lines: readonly ProposedLine[];
  /** Proved that no other lines of these names and applications are fewer. */
  readonly isFewest: boolean;
  readonly endpoints: readonly NewEndpoint[];
  readonly applications: readonly NewApplication[];
  readonly leftOut: readonly LeftOut[];
  /** The policy's own tests: how many fail without the proposed lines, and with them. */
  readonly failingTests: { readonly before: number; readonly after: number };
  /** Path in the policy → text, to be written together; none where nothing is proposed. */
  readonly files: ReadonlyMap<string, string>;
  /** With an error among them, the policy does not compile with the proposed lines. */
  readonly findings: readonly Diagnostic[];
}
