import type { AclEntry, Mac } from '#net';
import type { Attribute } from '../packet.js';

/** What a device gets on its port. */
export interface Authorization {
  /** 1 … 4094. */
  readonly vlan: number;
  /** Traffic from the device; what matches no entry is dropped, so an empty list closes the port but for layer 2. */
  readonly acl: readonly AclEntry[];
  /** Seconds until the NAS authenticates the device again. */
  readonly sessionTimeout: number;
  /** Security group tag, for makes that have them. */
  readonly sgt: number | null;
  /** Comes back in accounting (RFC 2865 §5.25). */
  readonly class: Buffer;
}

/** A live session as the NAS itself named it; what it never told is null. */
export interface SessionIdentification {
  readonly mac: Mac;
  /** User-Name and Calling-Station-Id exactly as the NAS wrote them. */
  readonly userName: string | null;
  readonly callingStationId: string | null;
  readonly acctSessionId: string | null;
  readonly auditSessionId: string | null;
  readonly nasIpAddress: string | null;
  readonly nasIpv6Address: string | null;
  readonly nasIdentifier: string | null;
  readonly nasPort: number | null;
  readonly nasPortId: string | null;
}

/**
 * How one make of switch takes authorizations and is told of changes: data, and the functions that write what can't be
 * data. A profile does not decide what is allowed, nor when to send anything.
 */
export interface NasProfile {
  readonly name: string;
  /** For people: which switches. */
  readonly description: string;
  /** Tag of the Tunnel-* attributes; 0: none. */
  readonly tunnelTag: number;
  /**
   * A CoA-Request either carries the new authorization (`push`), or asks the switch to authenticate the session again
   * (`reauthenticate`): then the acknowledgement means "will ask", and the new Access-Accept carries the change.
   */
  readonly changeOfAuthorization: 'push' | 'reauthenticate';
  /** What a CoA-Request carries that has the session authenticated again; null: this make has no such command. */
  readonly reauthenticate: (() => Attribute[]) | null;
  /** What a CoA-Request carries that takes the port's link down and up, for all devices behind it; null: no such command. */
  readonly bouncePort: (() => Attribute[]) | null;
  /** Wire lines that an entry takes; `null`: this make can't express it. */
  renderEntry(entry: AclEntry): readonly string[] | null;
  /** The whole ACL, explicit denies of both families at the end. Throws on an entry that `renderEntry` refuses. */
  renderAcl(acl: readonly AclEntry[]): Attribute[];
  renderSgt(sgt: number): Attribute[];
  /** The attributes by which this make finds a session: it answers NAK when one of them is missing or does not match. */
  identifySession(session: SessionIdentification): Attribute[];
}
