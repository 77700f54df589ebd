import { integerAttribute, taggedIntegerAttribute, taggedTextAttribute } from '../build.js';
import { types } from '../dictionary.js';
import type { Attribute } from '../packet.js';

const vlanTunnel = 13;
const ieee802 = 6;
const taggedFrames = 0x31;

/** RFC 3580 §3.31: the VLAN of the port, by id; `text` where the make wants more said than the number. */
export function tunnelVlan(tag: number, vlan: number, text = `${vlan}`): Attribute[] {
  return [
    taggedIntegerAttribute(types.tunnelType, tag, vlanTunnel),
    taggedIntegerAttribute(types.tunnelMediumType, tag, ieee802),
    taggedTextAttribute(types.tunnelPrivateGroupId, tag, text),
  ];
}

/** RFC 4675 §2.1: a VLAN whose frames are tagged on this port, besides whichever it has untagged. */
export function taggedEgressVlan(vlan: number): Attribute[] {
  return [integerAttribute(types.egressVlanId, ((taggedFrames << 24) | vlan) >>> 0)];
}
