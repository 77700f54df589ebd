import type { Diagnostic } from '#base';
import type { Driver, ObservedState, SwitchMeaning } from '#drivers';
import type { EnforcementRules, NamedList } from '#model';
import { PacketSpace } from '#net';
import { aclPackets, formatPacket } from '#radius';
import { differs } from '../nftables/prove.js';
import { compare } from '../prove.js';

/** A driver of lists. */
export type SwitchDriver = Required<Pick<Driver, 'meaningOf'>>;

/** What was read of rules and proved; the same fingerprint needs no second proof. */
const proved = new WeakMap<EnforcementRules, string>();

/**
 * Whether what a driver of switches would push means the rules: every list the same packets as its entries, and no list and no VLAN
 * more or less. Null: it does; otherwise what differs, with a packet. A text that is not understood proves nothing.
 */
export function proveSwitch(
  { meaningOf }: SwitchDriver,
  rules: EnforcementRules,
  read: () => ObservedState | null,
): Diagnostic | null {
  try {
    const observed = read();
    if (!observed) return differs('the text has nothing of ours');
    if (proved.get(rules) === observed.rulesFingerprint) return null;
    const meaning = meaningOf(observed);
    const found = wrongName(rules, observed) ?? wrongVlan(rules, meaning) ?? wrongPackets(rules, meaning);
    if (found !== null) return differs(found);
    proved.set(rules, observed.rulesFingerprint);
    return null;
  } catch (error) {
    return differs(`it is not understood: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function wrongName({ lists }: EnforcementRules, observed: ObservedState): string | null {
  const names = new Set(lists.map(({ name }) => name));
  const missing = names.difference(observed.ruleIds);
  for (const name of missing) return `list \`${name}\` is not in it`;
  for (const name of observed.ruleIds.difference(names)) return `list \`${name}\` is in it, which no rule asks for`;
  return null;
}

/** A VLAN without a name is one that the edit leaves as it is there. */
function wrongVlan({ vlans }: EnforcementRules, meaning: SwitchMeaning): string | null {
  const wanted = new Map(vlans.map(({ id, name }) => [id, `cordon-${name}`]));
  for (const id of wanted.keys()) if (!meaning.vlans.has(id)) return `VLAN ${id} is not in it`;
  for (const [id, { name, isActive, foreign }] of meaning.vlans) {
    if (!wanted.has(id)) return `VLAN ${id} is in it, which no rule asks for`;
    if (name !== null && name !== wanted.get(id)) return `VLAN ${id} is called \`${name}\` in it`;
    if (!isActive || foreign.length > 0) return `VLAN ${id} is not one that works`;
  }
  return null;
}

function wrongPackets({ lists }: EnforcementRules, meaning: SwitchMeaning): string | null {
  const space = new PacketSpace();
  for (const list of lists) {
    const why = difference(space, list, meaning);
    if (why !== null) return `list \`${list.name}\`: ${why}`;
  }
  return null;
}

function difference(space: PacketSpace, { name, entries }: NamedList, meaning: SwitchMeaning): string | null {
  const { extra, missing } = compare(aclPackets(space, entries), aclPackets(space, meaning.list(name)));
  if (extra.witness) return `${formatPacket(extra.witness)} would pass, which policy does not permit`;
  if (missing.witness) return `${formatPacket(missing.witness)} would be dropped, which policy permits`;
  return null;
}
