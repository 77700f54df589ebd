import { vendorIntegerAttribute } from '../build.js';
import { vendors } from '../dictionary.js';
import type { Attribute } from '../packet.js';
import { arubaRules } from './aruba-rules.js';
import { identifyBy, standardParts, stationOf } from './identification.js';
import type { NasProfile } from './profile.js';
import { tunnelVlan } from './vlan.js';

const portBounceHost = 40;
const deviceTrafficClass = 63;
const bounceSeconds = 12;
const voiceClass = 1;

const arubaInteger = (type: number, value: number): Attribute => vendorIntegerAttribute(vendors.aruba, type, value);

const identify = identifyBy(standardParts);

/**
 * Aruba switches with AOS-CX. User-Name is mandatory in every request about a session, and one of NAS-IP-Address, NAS-Identifier and
 * NAS-IPv6-Address; the session is named by Acct-Session-Id, or by NAS-Port or NAS-Port-Id with Calling-Station-Id. All
 * attributes of an authorization are taken in CoA. No user role is sent: a session with RADIUS attributes can't be moved to a role
 * by CoA, the switch answers NAK.
 *
 * Sources: HPE techhub, AOS-CX 10.04 security guide 5200-6715, "Attributes supported in dynamic authorization"; dictionary.aruba of
 * FreeRADIUS 3.2 for numbers and types. From memory: that Aruba-Device-Traffic-Class is 1 for voice, that the grammar of
 * Aruba-NAS-Filter-Rule is that of AOS-S. Port-Bounce-Host is in seconds, as on AOS-S.
 */
export const arubaCx: NasProfile = {
  name: 'aruba-cx',
  description: 'Aruba switches with AOS-CX',
  tunnelTag: 0,
  renderVlan: (vlan) => tunnelVlan(0, vlan),
  renderVoiceVlan: (vlan) => [...tunnelVlan(0, vlan), arubaInteger(deviceTrafficClass, voiceClass)],
  aclForms: [arubaRules],
  aclFamilies: [4, 6],
  mostAclEntries: null,
  renderSgt: null,
  changeOfAuthorization: 'push',
  reauthenticate: null,
  bouncePort: () => [arubaInteger(portBounceHost, bounceSeconds)],
  sessionParts: standardParts,
  /** A session of which no User-Name was ever heard has its MAC there, as in MAC authentication. */
  identifySession: (session) => identify({ ...session, userName: session.userName ?? stationOf(session) }),
  readSensed: null,
  onTheSwitch: [
    'The VLANs exist.',
    '`radius dyn-authorization enable`, with the bridge as `radius dyn-authorization client`.',
  ],
  limits: [
    'ICMP types. A policy that allows IPv6 neighbour discovery by type, as the sample hospital does, has them in every ACL: then none fits, and such a switch gets the VLAN alone (`portAcl: none`).',
    'Replies of connections that others open to the device: its rules have no source ports, no `established` and no ICMP types. A class that needs them is refused; enforce it elsewhere (`portAcl: none`).',
    'User roles are not used.',
  ],
};
