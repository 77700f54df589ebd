import { vendorTextAttribute } from '../build.js';
import { vendors } from '../dictionary.js';
import type { Attribute } from '../packet.js';
import { identifyBy, standardParts } from './identification.js';
import { namedFilter } from './named-filter.js';
import type { NasProfile } from './profile.js';
import { tunnelVlan } from './vlan.js';

const voipVlan = 49;
const avPair = 52;

const juniperText = (type: number, text: string): Attribute => vendorTextAttribute(vendors.juniper, type, text);

/**
 * Juniper EX and QFX with Junos. Juniper-Switching-Filter is not used: it has no condition that an IPv6 packet meets and no term that
 * matches everything, so nothing in it would close IPv6. Filter-Id names a firewall filter (`family ethernet-switching`),
 * which has `ether-type` for that.
 *
 * Sources: Juniper TechLibrary, "VSA Match Conditions and Actions"; KB11758 (Filter-Id); PacketFence pull request 9297;
 * dictionary.juniper of FreeRADIUS 3.2. From memory: `Port-Bounce` in Juniper-AV-Pair, and that CoA takes VLAN and filter.
 */
export const juniperEx: NasProfile = {
  name: 'juniper-ex',
  description: 'Juniper EX and QFX switches with Junos',
  tunnelTag: 0,
  renderVlan: (vlan) => tunnelVlan(0, vlan),
  renderVoiceVlan: (vlan) => [juniperText(voipVlan, `${vlan}`)],
  aclForms: [namedFilter('by name in Filter-Id', (name) => [name])],
  aclFamilies: [4, 6],
  mostAclEntries: null,
  renderSgt: null,
  changeOfAuthorization: 'push',
  reauthenticate: null,
  bouncePort: () => [juniperText(avPair, 'Port-Bounce')],
  sessionParts: standardParts,
  identifySession: identifyBy(standardParts),
  readSensed: null,
  onTheSwitch: [
    'The VLANs exist.',
    '`set access radius-server … dynamic-request-port 3799` for the bridge.',
    'For each class: `firewall family ethernet-switching filter` of the name in Filter-Id, with all entries and a last term that discards what is IPv4 or IPv6.',
  ],
  limits: [
    'Juniper-Switching-Filter, which has no words for IPv6.',
    'Old releases take a filter in single-supplicant mode only.',
  ],
};
