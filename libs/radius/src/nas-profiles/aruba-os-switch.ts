import { vendorIntegerAttribute } from '../build.js';
import { vendors } from '../dictionary.js';
import { hpRules } from './aruba-rules.js';
import { identifyBy, nasParts } from './identification.js';
import { namedFilter } from './named-filter.js';
import type { NasProfile } from './profile.js';
import { taggedEgressVlan, tunnelVlan } from './vlan.js';

const portBounceHost = 23;
const bounceSeconds = 12;
/** A 2930M finds the port by NAS-Port and not by NAS-Port-Id (PacketFence issue 6371). */
const sessionParts = [...nasParts, 'User-Name', 'Calling-Station-Id', 'Acct-Session-Id', 'NAS-Port'] as const;

/**
 * Aruba and ProCurve switches with ArubaOS-Switch (AOS-S). Rules go in the reply where they have words for the ACL; otherwise the
 * reply names a list on the switch, where an extended ACL has all of them.
 *
 * Sources: HPE techhub, ArubaOS-Switch Access Security Guide 16.06 and 16.09, "ACE syntax in RADIUS servers", "Nas-filter-rule
 * options", "RADIUS filter-id" (a name stands for an IPv4 ACL, an IPv6 ACL or both; at most 100 entries a client); dictionary.hp of
 * FreeRADIUS 3.2; PacketFence's switch templates (voice by a tagged egress VLAN). From memory: Port-Bounce-Host is in seconds.
 */
export const arubaOsSwitch: NasProfile = {
  name: 'aruba-os-switch',
  description: 'Aruba and ProCurve switches with ArubaOS-Switch',
  tunnelTag: 0,
  renderVlan: (vlan) => tunnelVlan(0, vlan),
  renderVoiceVlan: taggedEgressVlan,
  aclForms: [hpRules, namedFilter('otherwise by name in Filter-Id', (name) => [name])],
  aclFamilies: [4, 6],
  mostAclEntries: 100,
  renderSgt: null,
  changeOfAuthorization: 'push',
  reauthenticate: null,
  bouncePort: () => [vendorIntegerAttribute(vendors.hp, portBounceHost, bounceSeconds)],
  sessionParts,
  identifySession: identifyBy(sessionParts),
  readSensed: null,
  onTheSwitch: [
    'The VLANs exist.',
    '`radius-server host … dyn-authorization` for the bridge, and a `time-window` that its clock keeps.',
    'For classes that go by Filter-Id: an extended IPv4 ACL and an IPv6 ACL, both of that name, each with all entries of its family.',
  ],
  limits: [
    'ICMP types in the rules. A policy that allows IPv6 neighbour discovery by type, as the sample hospital does, has them in every ACL: then all go by name.',
    'IPv6 of a class that goes by Filter-Id may be dropped: no document says that HP-Nas-Rules-IPv6 counts for names.',
    'More than 100 entries for a client.',
    'It takes a snapshot of a named ACL when a client authenticates: edit the list under a new name only.',
  ],
};
