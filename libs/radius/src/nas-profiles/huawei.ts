import { ciscoAvPairAttribute, vendorTextAttribute } from '../build.js';
import { vendors } from '../dictionary.js';
import type { Attribute } from '../packet.js';
import { identifyBy, nasParts } from './identification.js';
import { namedFilter } from './named-filter.js';
import type { NasProfile } from './profile.js';
import { tunnelVlan } from './vlan.js';

const extSpecific = 238;
const sessionParts = [...nasParts, 'User-Name', 'Calling-Station-Id', 'Acct-Session-Id'] as const;

const userCommand = (number: number): Attribute[] => [
  vendorTextAttribute(vendors.huawei, extSpecific, `user-command=${number}`),
];

/**
 * Huawei S series. Filter-Id names a user group, to which the switch binds the ACL: an ACL by itself goes by number only, and
 * a number can't hold the hash of its content. The ACL of a group is documented for IPv4, so nas.yaml has to say that
 * something else closes IPv6. While HW-Ext-Specific carries a command, the switch takes no other authorization.
 *
 * Sources: Huawei S1720, S2700, S5700 and S6720 configuration guide, "RADIUS attributes" (Filter-Id: UCL group, user group or number of
 * an IPv4 ACL; HW-Ext-Specific 26-238) and "radius-server authorization hw-ext-specific command bounce-port disable"; PacketFence
 * `Huawei::S5720` (voice); dictionary.huawei of FreeRADIUS 3.2. HW-Data-Filter is not used: it is documented for NetEngine.
 */
export const huawei: NasProfile = {
  name: 'huawei',
  description: 'Huawei S-series switches with VRP',
  tunnelTag: 0,
  renderVlan: (vlan) => tunnelVlan(0, vlan),
  renderVoiceVlan: (vlan) => [...tunnelVlan(0, vlan), ciscoAvPairAttribute('device-traffic-class=voice')],
  aclForms: [namedFilter('by name in Filter-Id, as a user group, IPv4 only', (name) => [name])],
  aclFamilies: [4],
  mostAclEntries: null,
  renderSgt: null,
  changeOfAuthorization: 'reauthenticate',
  reauthenticate: () => userCommand(1),
  bouncePort: () => userCommand(2),
  sessionParts,
  identifySession: identifyBy(sessionParts),
  readSensed: null,
  onTheSwitch: [
    'The VLANs exist.',
    '`radius-server authorization` with the bridge and its shared key.',
    'For each class: `user-group` of the name in Filter-Id with an advanced ACL that has all IPv4 entries.',
    '`radius-server authorization hw-ext-specific command bounce-port disable` is not set, if ports may be bounced.',
    'IPv6 is closed by something else: say `portAcl: ipv4-only` in nas.yaml.',
  ],
  limits: ['IPv6 in the ACL of a user group.'],
};
