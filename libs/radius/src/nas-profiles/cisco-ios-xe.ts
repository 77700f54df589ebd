import { ciscoAvPairAttribute } from '../build.js';
import { readDeviceSensor } from '../device-sensor.js';
import { inlineAces } from './cisco-aces.js';
import { identifyBy, nasParts } from './identification.js';
import type { NasProfile } from './profile.js';
import { tunnelVlan } from './vlan.js';

const sessionParts = [...nasParts, 'Calling-Station-Id', 'Acct-Session-Id', 'audit-session-id'] as const;
const tunnelTag = 1;

/**
 * Catalyst with IOS XE: ACEs inline as Cisco-AVPair. A CoA-Request there is a command to a session, not a new
 * authorization: the switch is asked to authenticate again and gets it in the Access-Accept. All session attributes in a
 * request must match, so only those go out that these switches know: Calling-Station-Id, Acct-Session-Id, audit-session-id.
 *
 * Sources: Cisco IOS software configuration guides, "Controlling Switch Access with RADIUS" (CoA commands, session identification);
 * PacketFence `lib/pf/Switch/Cisco.pm`, `Cisco_IOS_15_0.pm` and `Cisco_IOS_15_5.pm` (ACEs, voice, commands). The form of
 * `cts:security-group-tag` (four hex digits, generation of the tag's policy) is from memory. Device Sensor: Cisco IOS XE security
 * configuration guides, "Device Sensor" (commands); PacketFence `lib/pf/util/cisco_device_sensor.pm` and an Accounting-Request that was
 * published (the form of its attributes).
 */
export const ciscoIosXe: NasProfile = {
  name: 'cisco-ios-xe',
  description: 'Cisco Catalyst switches with IOS XE',
  tunnelTag,
  renderVlan: (vlan) => tunnelVlan(tunnelTag, vlan),
  /** The voice domain of the port; the switch sends the tagged VLAN to the telephone by LLDP or CDP. */
  renderVoiceVlan: (vlan) => [...tunnelVlan(tunnelTag, vlan), ciscoAvPairAttribute('device-traffic-class=voice')],
  aclForms: [inlineAces],
  aclFamilies: [4, 6],
  mostAclEntries: null,
  renderSgt: (sgt) => [ciscoAvPairAttribute(`cts:security-group-tag=${sgt.toString(16).padStart(4, '0')}-00`)],
  changeOfAuthorization: 'reauthenticate',
  reauthenticate: () => [
    ciscoAvPairAttribute('subscriber:command=reauthenticate'),
    ciscoAvPairAttribute('subscriber:reauthenticate-type=last'),
  ],
  bouncePort: () => [ciscoAvPairAttribute('subscriber:command=bounce-host-port')],
  sessionParts,
  identifySession: identifyBy(sessionParts),
  readSensed: readDeviceSensor,
  onTheSwitch: [
    'The VLANs exist.',
    '`aaa server radius dynamic-author` with the bridge as its client; its `port` is `coaPort` in nas.yaml (the default there is 1700, here 3799).',
    '`radius-server vsa send authentication`, `device-tracking` on the port, and `access-session` in a mode that takes per-user ACLs.',
    '`authentication command bounce-port ignore` is not set, if ports may be bounced.',
    '`device-sensor accounting` and what belongs to it (above), if suspicion `fingerprint` is to be found.',
  ],
  limits: ['An ACL that does not fit into one reply: use `cisco-ios-xe-dacl`.'],
};
