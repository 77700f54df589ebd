import { vendorIntegerAttribute } from '../build.js';
import { vendors } from '../dictionary.js';
import type { Attribute } from '../packet.js';
import { identifyBy } from './identification.js';
import type { NasProfile } from './profile.js';
import { tunnelVlan } from './vlan.js';

const wirelessVlanId = 26;
const wirelessVlanIdType = 27;
const dot1q = 0;
const sessionParts = [
  'NAS-IP-Address',
  'NAS-Identifier',
  'User-Name',
  'Calling-Station-Id',
  'Acct-Session-Id',
] as const;

const mikrotikInteger = (type: number, value: number): Attribute =>
  vendorIntegerAttribute(vendors.mikrotik, type, value);

/**
 * MikroTik with RouterOS. A VLAN is all it takes from us: `dot1x server` reads the Tunnel attributes, wireless reads its own two, and
 * each passes over those of the other. User-Name of MAC authentication has colons, and comes back in a Disconnect as it came.
 *
 * Sources: RouterOS manual, "Dot1x"; dictionary.mikrotik of FreeRADIUS 3.2; PacketFence issues 8002 and 4635 (wireless VLAN, MAC
 * with colons) and 7703 (Disconnect by User-Name). Mikrotik-Switching-Filter is not used: which of its conditions a switch chip takes
 * depends on the model, and what matches none is let through.
 */
export const mikrotik: NasProfile = {
  name: 'mikrotik',
  description: 'MikroTik switches and access points with RouterOS',
  tunnelTag: 0,
  renderVlan: (vlan) => [
    ...tunnelVlan(0, vlan),
    mikrotikInteger(wirelessVlanId, vlan),
    mikrotikInteger(wirelessVlanIdType, dot1q),
  ],
  renderVoiceVlan: null,
  aclForms: [],
  aclFamilies: [],
  mostAclEntries: null,
  renderSgt: null,
  changeOfAuthorization: 'disconnect',
  reauthenticate: null,
  bouncePort: null,
  sessionParts,
  identifySession: identifyBy(sessionParts),
  readSensed: null,
  onTheSwitch: [
    'The VLANs exist, and the bridge filters them (`vlan-filtering=yes`).',
    '`/radius incoming set accept=yes port=3799`.',
    'Something else enforces the port ACLs: say `portAcl: none` in nas.yaml.',
  ],
  limits: ['Port ACLs.', 'Telephones in a tagged VLAN.', 'CoA and port bounce: changes go by Disconnect-Request.'],
};
