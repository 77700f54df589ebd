import { identifyBy } from './identification.js';
import { namedFilter } from './named-filter.js';
import type { NasProfile } from './profile.js';
import { tunnelVlan } from './vlan.js';

const sessionParts = ['NAS-IP-Address', 'Calling-Station-Id'] as const;

/**
 * Ruckus (Brocade, Foundry) ICX with FastIron. A request about a session may have nothing in it that is not looked for, or it is refused:
 * so the two attributes that FastIron names, and no more. Service-Type, which Ruckus's *wireless* ZoneDirector wants in a
 * Disconnect-Request (PacketFence issue 3004), would be such an attribute here.
 *
 * Sources: FastIron security guides 08.0.60, 08.0.70 and 08.0.80: "Change of Authorization (CoA)", "Dynamic ACLs in authentication"
 * (IPv4 and IPv6 ACLs by Filter-Id); Brocade ICX 6650 security guide (`ip.name.in`, names are case-sensitive). From memory:
 * `ip6.name.in`, and `T:` before a tagged VLAN. Re-authentication and "flip port" go by a vendor attribute (20) whose values
 * stand in no document that was found, so neither is offered.
 */
export const ruckusIcx: NasProfile = {
  name: 'ruckus-icx',
  description: 'Ruckus (Brocade, Foundry) ICX switches with FastIron',
  tunnelTag: 0,
  renderVlan: (vlan) => tunnelVlan(0, vlan),
  renderVoiceVlan: (vlan) => tunnelVlan(0, vlan, `T:${vlan}`),
  aclForms: [
    namedFilter('by name in Filter-Id, one for IPv4 and one for IPv6', (name) => [`ip.${name}.in`, `ip6.${name}.in`]),
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
    '`aaa authorization coa enable` and `radius-client coa host` for the bridge.',
    'For each class: `ip access-list extended` and `ipv6 access-list` of the name between `ip.` and `.in` in Filter-Id, with all entries.',
    'Strict mode of filters is on (the default): a name that it does not know then fails the authentication instead of leaving the port open.',
  ],
  limits: [
    'Changes go by Disconnect-Request: CoA moves ACLs, but no VLAN.',
    'Port bounce and re-authentication by command: the values are not documented.',
  ],
};
