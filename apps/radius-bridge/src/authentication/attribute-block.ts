import { decodePacket, type Attribute } from '#radius';

const headerLength = 20;
const accessAccept = 2;

/** Encoded attributes, as a switch takes them off a packet; null: they are malformed. */
export function attributesOf(block: Buffer): readonly Attribute[] | null {
  const header = Buffer.alloc(headerLength);
  header[0] = accessAccept;
  header.writeUInt16BE(headerLength + block.length, 2);
  const packet = decodePacket(Buffer.concat([header, block]));
  return typeof packet === 'string' ? null : packet.attributes;
}
