import { filterRules } from './filter-rules.js';
import { identifyBy, standardParts } from './identification.js';
import type { NasProfile } from './profile.js';
import { taggedEgressVlan, tunnelVlan } from './vlan.js';

/**
 * Switches that follow the RFCs: RFC 3580 VLAN, RFC 4675 for a tagged one, NAS-Filter-Rule (RFC 4849), CoA that carries the new
 * authorization (RFC 5176). There is no standard attribute for a security group tag, for re-authentication or for a bounce.
 */
export const rfc: NasProfile = {
  name: 'rfc',
  description: 'switches that take RFC 3580 VLANs and RFC 4849 filter rules',
  tunnelTag: 0,
  renderVlan: (vlan) => tunnelVlan(0, vlan),
  renderVoiceVlan: taggedEgressVlan,
  aclForms: [filterRules],
  aclFamilies: [4, 6],
  mostAclEntries: null,
  renderSgt: null,
  changeOfAuthorization: 'push',
  reauthenticate: null,
  bouncePort: null,
  sessionParts: standardParts,
  identifySession: identifyBy(standardParts),
  readSensed: null,
  onTheSwitch: ['The VLANs exist.', 'Dynamic authorization (RFC 5176) is on, with the bridge as its client.'],
  limits: ['No port bounce and no command to authenticate again: there is no standard for either.'],
};
