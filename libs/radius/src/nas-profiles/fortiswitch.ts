import { vendorTextAttribute } from '../build.js';
import { vendors } from '../dictionary.js';
import type { Attribute } from '../packet.js';
import { identifyBy } from './identification.js';
import { namedFilter } from './named-filter.js';
import type { NasProfile } from './profile.js';
import { taggedEgressVlan, tunnelVlan } from './vlan.js';

const hostPortAvPair = 42;
const sessionParts = ['Calling-Station-Id'] as const;

const action = (name: string): Attribute[] => [vendorTextAttribute(vendors.fortinet, hostPortAvPair, `action=${name}`)];

/**
 * FortiSwitch. An ACL of a session filters IPv4 only, so a switch of this make enforces a port ACL only in part, and nas.yaml has to say
 * that something else closes IPv6.
 *
 * Sources: docs.fortinet.com, FortiSwitchOS administration guides 7.0.2 and 7.2.5, "Dynamic access control lists" (Filter-Id, IPv4
 * only, 45 entries a port, an unknown name fails all of it) and "RADIUS change of authorization (CoA)" (commands); FortiNAC-F 7.6
 * "Configure RADIUS Attribute" (Calling-Station-Id names the session); 137894 (attributes). From memory: Egress-VLANID.
 */
export const fortiswitch: NasProfile = {
  name: 'fortiswitch',
  description: 'Fortinet FortiSwitch with FortiSwitchOS 7.0.2 or later',
  tunnelTag: 0,
  renderVlan: (vlan) => tunnelVlan(0, vlan),
  renderVoiceVlan: taggedEgressVlan,
  aclForms: [namedFilter('by name in Filter-Id, IPv4 only', (name) => [name])],
  aclFamilies: [4],
  mostAclEntries: 45,
  renderSgt: null,
  changeOfAuthorization: 'reauthenticate',
  reauthenticate: () => action('reauth-port'),
  bouncePort: () => action('bounce-port'),
  sessionParts,
  identifySession: identifyBy(sessionParts),
  readSensed: null,
  onTheSwitch: [
    'The VLANs exist.',
    '`set allowaccess radius-acct` on the interface that gets CoA, and `radius-coa` on for the server.',
    '`set dacl enable` on the port, and an ACL of the name in Filter-Id with all IPv4 entries.',
    'IPv6 is closed by something else: say `portAcl: ipv4-only` in nas.yaml.',
  ],
  limits: ['IPv6 in ACLs of a session.', 'More than 45 entries on a port.'],
};
