import type { Diagnostic, Result } from '#base';
import type { EnforcementRules } from '#model';
import type { AclEntry } from '#net';
import type { Filter } from './filter.js';

/** What the words of a target can say. What it can't is refused by `render`, never dropped or widened. */
export interface TargetCapabilities {
  /** Permits of IPv6. */
  readonly ipv6: boolean;
  /** What is not permitted is dropped in IPv6 as well. Where it is not, nothing is given out in this language. */
  readonly closesIpv6: boolean;
  /** Conditions on the device's own port: without them no reply of a connection that others open can be permitted. */
  readonly sourcePorts: boolean;
  /** TCP with ACK or RST. */
  readonly established: boolean;
  /** Ports of SCTP; those of TCP and UDP every target has. */
  readonly sctpPorts: boolean;
  readonly icmpTypes: boolean;
  /** Lines that deny, in order. Without them every list is written as permits alone. */
  readonly denies: boolean;
}

/** A target that can say whatever a port ACL has. */
export const everything: TargetCapabilities = {
  ipv6: true,
  closesIpv6: true,
  sourcePorts: true,
  established: true,
  sctpPorts: true,
  icmpTypes: true,
  denies: true,
};

export interface ParseOptions {
  /** Which lists of the text, where it can hold several by name. */
  readonly lists?: readonly string[];
}

/**
 * One language in which a switch port (or what stands for one) takes the ACL on traffic from the device.
 *
 *   intended ACL ──render──▶ text ──parse──▶ filter lines ──▶ packet set ══ compared with the intended one
 *
 * `parse` is written from the vendor's grammar and shares nothing with `render`, so that a mistake in one does not hide in
 * the other. It also reads what others wrote: all of the language that it models exactly, and it refuses the rest by line.
 */
export interface PortTarget {
  readonly kind: 'port';
  readonly name: string;
  readonly description: string;
  readonly capabilities: TargetCapabilities;
  /** `name`: what the list is to be called, where it needs a name. */
  render(acl: readonly AclEntry[], name: string): Result<string>;
  parse(text: string, options?: ParseOptions): Result<Filter>;
}

/** One language in which a firewall takes the rules of a whole site. Stateful, and it knows who is of which class. */
export interface SiteTarget {
  readonly kind: 'site';
  readonly name: string;
  readonly description: string;
  /** Proved, or not at all. */
  render(rules: EnforcementRules): Result<string>;
  /** Null: it means the rules; otherwise what differs, with a packet. A text that is not understood is a failure. */
  verify(rules: EnforcementRules, text: string): Result<Diagnostic | null>;
}
