import type { Result } from '#base';
import type { AclEntry } from '#net';
import { decodeText, decodeVendorSpecific } from '../attributes.js';
import { ciscoAvPair, types, vendors } from '../dictionary.js';
import type { Attribute } from '../packet.js';

/** A port ACL and the class whose it is: the class is in the name where a switch takes the ACL by name. */
export interface PortAcl {
  readonly role: string;
  readonly entries: readonly AclEntry[];
}

/** What a switch may take an ACL from. */
export type AclCarrier =
  | 'NAS-Filter-Rule'
  | 'Filter-Id'
  | 'ip:inacl'
  | 'ipv6:inacl'
  | 'CiscoSecure-Defined-ACL'
  | 'Aruba-NAS-Filter-Rule'
  | 'HP-Nas-Filter-Rule'
  | 'HP-Nas-Rules-IPv6'
  | 'Juniper filter'
  | 'other';

/** One way to bring a port ACL to a switch. What it has no words for it refuses; it never leaves anything out. */
export interface AclForm {
  /** For people, in docs/nas-profiles.md. */
  readonly summary: string;
  /** The ACL itself goes in the reply; false: only its name does, and the list must be on the switch. */
  readonly carriesEntries: boolean;
  readonly carriers: readonly AclCarrier[];
  /** Wire lines that an entry takes; `null`: this form can't express it. */
  renderEntry(entry: AclEntry): readonly string[] | null;
  /** The whole ACL, closed at its end. Throws on an entry that `renderEntry` refuses. */
  render(acl: PortAcl): Attribute[];
  /**
   * What the attributes mean, read by code that shares nothing with `render`. Where they are a name, that name must be the one
   * of `intended`: then they mean `intended`, since its content is in the name.
   */
  read(attributes: readonly Attribute[], intended: PortAcl): Result<readonly AclEntry[]>;
}

/** By which words a switch would take this attribute for (a part of) an ACL; null when it wouldn't. */
export function carriersOf({ type, value }: Attribute): AclCarrier[] {
  if (type === types.nasFilterRule) return ['NAS-Filter-Rule'];
  if (type === types.filterId) return ['Filter-Id'];
  if (type !== types.vendorSpecific) return [];
  return (decodeVendorSpecific(value) ?? []).flatMap((part) => carrierOfVendor(part.vendor, part.type, part.value));
}

function carrierOfVendor(vendor: number, type: number, value: Buffer): AclCarrier[] {
  switch (vendor) {
    case vendors.cisco:
      return type === ciscoAvPair ? carrierOfPair(decodeText(value)) : [];
    case vendors.aruba:
      return type === 51 ? ['Aruba-NAS-Filter-Rule'] : [];
    case vendors.hp:
      return type === 61 ? ['HP-Nas-Filter-Rule'] : type === 63 ? ['HP-Nas-Rules-IPv6'] : [];
    case vendors.juniper:
      return type === 44 || type === 48 ? ['Juniper filter'] : [];
    case vendors.extreme:
      return type === 212 || type === 232 || type === 251 ? ['other'] : [];
    case vendors.huawei:
      return type === 82 ? ['other'] : [];
    case vendors.foundry:
      return type === 5 ? ['other'] : [];
    case vendors.mikrotik:
      return type === 30 ? ['other'] : [];
    default:
      return [];
  }
}

function carrierOfPair(pair: string): AclCarrier[] {
  if (pair.startsWith('ip:inacl')) return ['ip:inacl'];
  if (pair.startsWith('ipv6:inacl')) return ['ipv6:inacl'];
  if (pair.startsWith('ACS:CiscoSecure-Defined-ACL')) return ['CiscoSecure-Defined-ACL'];
  return /acl/i.test(pair.split('=', 1)[0]!) ? ['other'] : [];
}
