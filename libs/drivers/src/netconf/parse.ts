import { canonicalJson, compareText, sha256 } from '#base';
import { formatPrefix } from '#net';
import { TerminalFault } from '../driver.js';
import type { ObservedVlan } from '../driver.js';
import { isOurs } from '../lists.js';
import { namespaces, type AccessList, type NamedAccessList, type ObservedSwitch } from './model.js';
import { readIetfLists } from './parse-ietf.js';
import { readOpenconfigLists, readVlans } from './parse-openconfig.js';
import { netconfNamespace, parseXml } from './xml.js';

/**
 * Reads running configuration, a whole artefact or an edit, in either model: of an edit, what stands on the switch after it. Lists
 * of others are not looked at. Throws `TerminalFault` on what is no such text. It shares nothing with `render`.
 */
export function parse(text: string, networkInstance: string): ObservedSwitch {
  const root = parseXml(text);
  if (root.namespace !== netconfNamespace || (root.name !== 'data' && root.name !== 'config'))
    throw new TerminalFault(`\`${root.name}\` is no configuration of a switch`);
  const found: NamedAccessList[] = [];
  const vlans = new Map<number, ObservedVlan>();
  for (const top of root.children) {
    if (top.namespace === namespaces.ietfAcl && top.name === 'acls') found.push(...readIetfLists(top));
    if (top.namespace === namespaces.acl && top.name === 'acl') found.push(...readOpenconfigLists(top));
    if (top.namespace === namespaces.networkInstance && top.name === 'network-instances')
      for (const [id, vlan] of readVlans(top, networkInstance)) vlans.set(id, vlan);
  }
  const lists = new Map<string, AccessList[]>();
  for (const { name, list } of found) lists.set(name, [...(lists.get(name) ?? []), list]);
  for (const each of lists.values()) each.sort((a, b) => compareText(a.families.join(), b.families.join()));
  const ours = [...vlans].filter(([, { name }]) => isOurs(name)).sort(([a], [b]) => a - b);
  const ordered = [...lists].sort(([a], [b]) => compareText(a, b)).map(([name, of]) => [name, fingerprint(of)]);
  return {
    rulesFingerprint: sha256(canonicalJson({ lists: ordered, vlans: ours })),
    membership: new Map(),
    ports: new Map(),
    ruleIds: new Set(lists.keys()),
    lists,
    vlans,
  };
}

/** Equal for lists that are the same in everything but the names of their entries. */
export const fingerprint = (lists: readonly AccessList[]): string =>
  canonicalJson(
    lists.map((list) => ({
      ...list,
      entries: list.entries.map((entry) => ({
        ...entry,
        destination: entry.destination && formatPrefix(entry.destination),
      })),
    })),
  );
