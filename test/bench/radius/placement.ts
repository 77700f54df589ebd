import {
  codes,
  concatenatedAttributes,
  describeAttribute,
  encodeAttributes,
  taggedIntegerAttribute,
  taggedTextAttribute,
  types,
  type Attribute,
  type Packet,
} from '#radius';

/** What a reply does with the device: its VLAN and ACL attributes as hex, sorted, or that it is refused. Compared as a text. */
export type Placement = string;

export const refused: Placement = 'Access-Reject';

const vlanType = 13;
const ieee802 = 6;
const telling = new Set<number>([
  types.tunnelType,
  types.tunnelMediumType,
  types.tunnelPrivateGroupId,
  types.nasFilterRule,
]);

const textOf = (attributes: readonly Attribute[]): Placement =>
  attributes
    .map((attribute) => encodeAttributes([attribute]).toString('hex'))
    .sort()
    .join(' ');

/** VLAN (RFC 3580) and rules for the port (RFC 4849), as a switch that follows the RFCs is told them. */
export const placementIn = (vlan: number, rules: readonly string[]): Placement =>
  textOf([
    taggedIntegerAttribute(types.tunnelType, 0, vlanType),
    taggedIntegerAttribute(types.tunnelMediumType, 0, ieee802),
    taggedTextAttribute(types.tunnelPrivateGroupId, 0, `${vlan}`),
    ...concatenatedAttributes(types.nasFilterRule, Buffer.from(rules.join('\0'), 'ascii')),
  ]);

export function placementOf({ code, attributes }: Pick<Packet, 'code' | 'attributes'>): Placement {
  if (code === codes.accessReject) return refused;
  if (code !== codes.accessAccept) return `Code-${code}`;
  return textOf(attributes.filter(({ type }) => telling.has(type)));
}

/** For people. */
export const describePlacement = (placement: Placement): string =>
  placement
    .split(' ')
    .map((text) => (/^(?:[0-9a-f]{2})+$/.test(text) ? describeEncoded(Buffer.from(text, 'hex')) : text))
    .join(', ');

function describeEncoded(bytes: Buffer): string {
  const { name, value } = describeAttribute({ type: bytes[0]!, value: bytes.subarray(2) });
  return `${name} ${value.replaceAll('\0', ' | ')}`;
}
