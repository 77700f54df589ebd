import { ciscoIosXe } from './cisco-ios-xe.js';
import { downloadableAces } from './downloadable-acl.js';
import type { NasProfile } from './profile.js';

/**
 * The same switches with a downloadable ACL: the reply names the list, and the switch fetches it with a second Access-Request, in
 * several packets where it is long. Choose it for ACLs that do not fit into one reply, or to spare the switch what it has already.
 *
 * Sources: Cisco ASA 5500 configuration guides, "About the Downloadable Access List Feature" (name, second request, continuation by
 * Access-Challenge and State); PacketFence `lib/pf/Switch/Cisco_IOS_15_5.pm`. The guides speak of IPv4 only, so IPv6 stays inline;
 * that a Catalyst takes both in one reply was not tried.
 */
export const ciscoIosXeDacl: NasProfile = {
  ...ciscoIosXe,
  name: 'cisco-ios-xe-dacl',
  description: 'Cisco Catalyst switches with IOS XE that download IPv4 ACLs',
  aclForms: [downloadableAces],
  onTheSwitch: [
    ...ciscoIosXe.onTheSwitch,
    'The switch asks the same bridge for the list: the bridges that answer its authentications all serve it.',
  ],
  limits: ['The IPv6 part of an ACL still has to fit into one reply.'],
};
