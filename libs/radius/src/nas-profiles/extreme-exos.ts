import { vendorTextAttribute } from '../build.js';
import { vendors } from '../dictionary.js';
import { identifyBy } from './identification.js';
import { namedFilter } from './named-filter.js';
import type { NasProfile } from './profile.js';
import { tunnelVlan } from './vlan.js';

const netloginExtendedVlan = 211;
/** Sessions are found by port and MAC address alone; Acct-Session-Id is not implemented there. */
const sessionParts = ['NAS-IP-Address', 'Calling-Station-Id', 'NAS-Port'] as const;

/**
 * Extreme switches with EXOS (Switch Engine). The ACL is a policy profile on the switch, which Filter-Id names in Enterasys's words.
 * Event-Timestamp must be there and within 300 seconds, which every request of the bridge has.
 *
 * Sources: documentation.extremenetworks.com, ExtremeXOS 31.3 and Switch Engine 32.7 "Change of Authorization" (NAS-IP-Address must be
 * the switch's primary address; sessions by Calling-Station-Id and NAS-Port only), EXOS 22.4 "RADIUS/Policy/NetLogin"
 * (maptable); "The RADIUS Filter-ID" (format); PacketFence issue 6964 (Event-Timestamp). Extreme-Policy-ACL and
 * Extreme-Dynamic-ACL are not used: their documented words have no `established` and no IPv6. From memory: `T` and an id in
 * Extreme-Netlogin-Extended-Vlan for a tagged VLAN.
 */
export const extremeExos: NasProfile = {
  name: 'extreme-exos',
  description: 'Extreme switches with EXOS (Switch Engine)',
  tunnelTag: 0,
  renderVlan: (vlan) => tunnelVlan(0, vlan),
  renderVoiceVlan: (vlan) => [vendorTextAttribute(vendors.extreme, netloginExtendedVlan, `T${vlan}`)],
  aclForms: [
    namedFilter('by name in Filter-Id, as a policy profile', (name) => [`Enterasys:version=1:policy=${name}`]),
  ],
  aclFamilies: [4, 6],
  mostAclEntries: null,
  renderSgt: null,
  changeOfAuthorization: 'disconnect',
  reauthenticate: null,
  bouncePort: null,
  sessionParts,
  identifySession: identifyBy(sessionParts),
  readSensed: null,
  onTheSwitch: [
    'The VLANs exist.',
    '`configure policy maptable response both` and `enable policy`, so that policy profile and VLAN both count.',
    'For each class: a policy profile of the name in Filter-Id, with rules for all entries, closed for IPv4 and IPv6.',
    '`configure radius dynamic-authorization` with the bridge; its clock is right to 300 seconds, and NAS-IP-Address is its primary address.',
  ],
  limits: [
    'Changes go by Disconnect-Request: that CoA moves a VLAN is not documented.',
    'A switch with 802.1X and MAC authentication on one port may answer Missing-Attribute to a Disconnect (PacketFence issue 6964): it wants a vendor attribute that says which, and which is not documented.',
    'No port bounce.',
  ],
};
