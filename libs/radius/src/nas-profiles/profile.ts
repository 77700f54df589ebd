import type { AclEntry, Family, Mac } from '#net';
import type { Sensed } from '../device-sensor.js';
import type { Attribute } from '../packet.js';
import type { AclForm } from './acl-form.js';
import type { SessionPart } from './identification.js';

/**
 * How much of a port ACL the switch enforces, as its entry in nas.yaml says: `ipv4-only` and `none` mean that something else enforces
 * the rest. Without a word there, all of it.
 */
export const portAclScopes = ['full', 'ipv4-only', 'none'] as const;
export type PortAclScope = (typeof portAclScopes)[number];

/** What a device gets on its port. */
export interface Authorization {
  /** 1 … 4094. */
  readonly vlan: number;
  /** The segment is for telephones: the VLAN goes tagged, or the device is told to be in the voice domain, as the make does it. */
  readonly voice: boolean;
  /** Traffic from the device; what matches no entry is dropped, so an empty list closes the port but for layer 2. */
  readonly acl: readonly AclEntry[];
  /** The class whose ACL this is. */
  readonly role: string;
  readonly portAcl: PortAclScope;
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
 *
 * Each file says from which source its facts are. None of them was tried on the hardware by us.
 */
export interface NasProfile {
  readonly name: string;
  /** For people: which switches. */
  readonly description: string;
  /** Tag of the Tunnel-* attributes; 0: none. */
  readonly tunnelTag: number;
  /** The VLAN of the port. */
  renderVlan(vlan: number): Attribute[];
  /** What stands in its place for a telephone; null: this make can't be told. */
  readonly renderVoiceVlan: ((vlan: number) => Attribute[]) | null;
  /** Ways to bring the ACL there, the best first; the first with words for all of an ACL is used. None: a VLAN is all it takes. */
  readonly aclForms: readonly AclForm[];
  /** What an ACL on such a port filters at all. */
  readonly aclFamilies: readonly Family[];
  /** Most entries of an ACL, as the make says; null: it depends on the model. */
  readonly mostAclEntries: number | null;
  /** Null: it knows no tags, and a segment's tag is not sent. */
  readonly renderSgt: ((sgt: number) => Attribute[]) | null;
  /**
   * A CoA-Request either carries the new authorization (`push`), or asks the switch to authenticate the session again
   * (`reauthenticate`): then the acknowledgement means "will ask", and the new Access-Accept carries the change. With
   * `disconnect` neither is known to work: the session is ended and begins anew.
   */
  readonly changeOfAuthorization: 'push' | 'reauthenticate' | 'disconnect';
  /** What a CoA-Request carries that has the session authenticated again; null: this make has no such command. */
  readonly reauthenticate: (() => Attribute[]) | null;
  /** What a CoA-Request carries that takes the port's link down and up, for all devices behind it; null: no such command. */
  readonly bouncePort: (() => Attribute[]) | null;
  /** What `identifySession` names a session by, in order. */
  readonly sessionParts: readonly SessionPart[];
  /** The attributes by which this make finds a session: it answers NAK when one of them is missing or does not match. */
  identifySession(session: SessionIdentification): Attribute[];
  /** What the make tells in accounting that the device says of itself; null: nothing. */
  readonly readSensed: ((attributes: readonly Attribute[]) => Sensed | null) | null;
  /** For those who operate it, one sentence each: what must be configured there. */
  readonly onTheSwitch: readonly string[];
  /** And what can't be done, or is not known to work. */
  readonly limits: readonly string[];
}
