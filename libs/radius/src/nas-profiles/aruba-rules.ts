import { formatPrefix, isConsistentEntry, protocols, type AclEntry, type Interval } from '#net';
import { textAttribute, vendorIntegerAttribute, vendorTextAttribute } from '../build.js';
import { types, vendors } from '../dictionary.js';
import type { Attribute } from '../packet.js';
import type { AclForm, PortAcl } from './acl-form.js';
import { parseArubaRules } from './parse-aruba-rules.js';

/*
 * The filter rules of Aruba's two lines of switches: one rule in each attribute, and fewer words than RFC 4849 has.
 *
 *   <permit|deny> in <ip|protocol> from any to <any|address|prefix> [port|first-last] [cnt]
 *
 * HPE ArubaOS-Switch Access Security Guide 16.06 and 16.09, "ACE syntax in RADIUS servers": no source ports, no `established`, no
 * ICMP types. An entry with one of these has no words here; leaving the condition out would open more than policy says.
 */

const names: ReadonlyMap<number, string> = new Map([
  [protocols.tcp, 'tcp'],
  [protocols.udp, 'udp'],
]);

export function renderArubaRule(entry: AclEntry): string | null {
  if (!isConsistentEntry(entry)) return null;
  const { action, family, protocol, sourcePorts, destination, destinationPorts, established } = entry;
  if (sourcePorts || established) return null;
  if (destinationPorts && protocol !== protocols.tcp && protocol !== protocols.udp) return null;
  const what = protocol === null ? 'ip' : (names.get(protocol) ?? `${protocol}`);
  const to = destination ? formatPrefix(destination) : family === 4 ? '0.0.0.0/0' : '::/0';
  return `${action} in ${what} from any to ${to}${ports(destinationPorts)}`;
}

function ports(range: Interval<number> | null): string {
  if (!range) return '';
  return range.first === range.last ? ` ${range.first}` : ` ${range.first}-${range.last}`;
}

const renderEntry = (entry: AclEntry): readonly string[] | null => {
  const rule = renderArubaRule(entry);
  return rule === null ? null : [rule];
};

function rulesOf({ entries }: PortAcl): string[] {
  return entries.map((entry) => {
    const rule = renderArubaRule(entry);
    if (rule === null) throw new TypeError(`no words for the ACL entry: ${entry.action} ${entry.protocol}`);
    return rule;
  });
}

const hpRulesIpv6 = 63;
const arubaNasFilterRule = 51;
const bothFamilies = 1;

/**
 * NAS-Filter-Rule for AOS-S. Without HP-Nas-Rules-IPv6 = 1 the switch drops all IPv6; with it, `any` is both families
 * ("Nas-filter-rule options"). One rule in each attribute, as all of HPE's examples have it, and a 0x00 at the end of all but the last:
 * to a reader of RFC 4849, for whom rules run on from one attribute into the next, they say the same.
 */
export const hpRules: AclForm = {
  summary: 'each entry in NAS-Filter-Rule with HP-Nas-Rules-IPv6 = 1, where the rules have words for all of the ACL',
  carriesEntries: true,
  carriers: ['NAS-Filter-Rule', 'HP-Nas-Rules-IPv6'],
  renderEntry,
  render: (acl) => [
    vendorIntegerAttribute(vendors.hp, hpRulesIpv6, bothFamilies),
    ...rulesOf(acl).map((rule) => textAttribute(types.nasFilterRule, `${rule}\0`)),
    textAttribute(types.nasFilterRule, 'deny in ip from any to any'),
  ],
  read: (attributes) => parseArubaRules(attributes, 'NAS-Filter-Rule'),
};

const ruleAttribute = (rule: string): Attribute => vendorTextAttribute(vendors.aruba, arubaNasFilterRule, rule);

/**
 * Aruba-NAS-Filter-Rule for AOS-CX, at most 247 bytes each. Whether its `any` covers IPv6 stands in no document that was found, so it
 * is never written: each family is closed by its own zero prefix.
 */
export const arubaRules: AclForm = {
  summary: 'each entry in Aruba-NAS-Filter-Rule',
  carriesEntries: true,
  carriers: ['Aruba-NAS-Filter-Rule'],
  renderEntry,
  render: (acl) =>
    [...rulesOf(acl), 'deny in ip from any to 0.0.0.0/0', 'deny in ip from any to ::/0'].map(ruleAttribute),
  read: (attributes) => parseArubaRules(attributes, 'Aruba-NAS-Filter-Rule'),
};
