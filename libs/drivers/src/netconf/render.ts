import { compareText } from '#base';
import type { EnforcementState, NamedList, Vlan } from '#model';
import type { Family } from '#net';
import { mark } from '../lists.js';
import { namespaces, type ModelName } from './model.js';
import { ietfWriter } from './render-ietf.js';
import { openconfigWriter } from './render-openconfig.js';
import { formatXml, netconfNamespace, tag, type Tag } from './xml.js';

/** What of a point's options says how its artefact looks. */
export interface Shape {
  readonly model: ModelName;
  /** Where VLANs are, in OpenConfig. */
  readonly networkInstance: string;
}

/** How a model writes lists. */
export interface ListWriter {
  /** The elements of a list, whole. */
  write(list: NamedList): readonly Tag[];
  /** The same elements with nothing but their keys, for these families. */
  name(name: string, families: readonly Family[]): readonly Tag[];
  /** All elements, in the container that they stand in. */
  contain(elements: readonly Tag[]): Tag;
}

const writers: Readonly<Record<ModelName, ListWriter>> = { 'ietf-acl': ietfWriter, openconfig: openconfigWriter };
export const writerOf = ({ model }: Shape): ListWriter => writers[model];

/** The whole artefact: every list, in order of name, and every VLAN. */
export function render({ rules }: EnforcementState, shape: Shape): string {
  const lists = sortedLists(rules.lists).flatMap((list) => writerOf(shape).write(list));
  return formatConfig(lists, sortedVlans(rules.vlans).map(vlanTag), shape);
}

export const sortedLists = (lists: readonly NamedList[]): NamedList[] =>
  [...lists].sort((a, b) => compareText(a.name, b.name));
export const sortedVlans = (vlans: readonly Vlan[]): Vlan[] => [...vlans].sort((a, b) => a.id - b.id);

export function formatConfig(lists: readonly Tag[], vlans: readonly Tag[], shape: Shape): string {
  const instance = (): Tag =>
    tag('network-instances', [tag('network-instance', [tag('name', shape.networkInstance), tag('vlans', vlans)])], {
      xmlns: namespaces.networkInstance,
    });
  const content = [
    ...(vlans.length > 0 ? [instance()] : []),
    ...(lists.length > 0 ? [writerOf(shape).contain(lists)] : []),
  ];
  return formatXml(tag('config', content, { xmlns: netconfNamespace, 'xmlns:nc': netconfNamespace }));
}

/** What a change does with an element of the switch (RFC 6241 §7.2). */
export type Operation = 'merge' | 'replace' | 'create' | 'delete';
export const withOperation =
  (operation: Operation) =>
  ({ name, attributes, content }: Tag): Tag =>
    tag(name, content, { 'nc:operation': operation, ...attributes });

export const vlanName = ({ name }: Vlan): string => `${mark}${name}`;
export const vlanTag = (vlan: Vlan): Tag =>
  tag('vlan', [
    tag('vlan-id', `${vlan.id}`),
    tag('config', [tag('vlan-id', `${vlan.id}`), tag('name', vlanName(vlan)), tag('status', 'ACTIVE')]),
  ]);
export const vlanKey = (id: number): Tag => tag('vlan', [tag('vlan-id', `${id}`)]);

/** What `read` asks for: everything in which something of ours can be. */
export function filterOf(shape: Shape): readonly Tag[] {
  if (shape.model === 'ietf-acl') return [tag('acls', '', { xmlns: namespaces.ietfAcl })];
  return [
    tag('acl', [tag('acl-sets', '')], { xmlns: namespaces.acl }),
    tag('network-instances', [tag('network-instance', [tag('name', shape.networkInstance), tag('vlans', '')])], {
      xmlns: namespaces.networkInstance,
    }),
  ];
}
