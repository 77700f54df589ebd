import { compareText } from '#base';
import type { EnforcementState, Vlan } from '#model';
import type { ChangePlan } from '../driver.js';
import type { ObservedVlan } from '../driver.js';
import { isOurs } from '../lists.js';
import type { ObservedSwitch } from './model.js';
import { fingerprint } from './parse.js';
import {
  formatConfig,
  sortedLists,
  sortedVlans,
  vlanKey,
  vlanName,
  vlanTag,
  withOperation,
  writerOf,
  type Shape,
} from './render.js';
import type { Tag } from './xml.js';

/**
 * A change is one edit, which is the whole artefact and says of each object what becomes of it: what policy wants is put in place
 * of whatever is there, and what of ours it does not want goes. `wanted`: what the artefact of `desired` reads as.
 */
export function plan(
  desired: EnforcementState,
  wanted: ObservedSwitch,
  observed: ObservedSwitch | null,
  shape: Shape,
): ChangePlan {
  const { lists, vlans } = wanted;
  const there = observed ?? { lists: new Map<string, never>(), vlans: new Map<number, never>() };
  const steps: string[] = [];
  for (const [name, right] of lists) {
    const found = there.lists.get(name);
    if (!found) steps.push(`add list ${name}`);
    else if (fingerprint(found) !== fingerprint(right)) steps.push(`put list ${name} right, which is not as rendered`);
  }
  const goneLists = [...there.lists].filter(([name]) => !lists.has(name)).sort(([a], [b]) => compareText(a, b));
  steps.push(...goneLists.map(([name]) => `remove list ${name}`));
  const changes = sortedVlans(desired.rules.vlans).map((vlan) => vlanChange(vlan, there.vlans.get(vlan.id)));
  const goneVlans = [...there.vlans].filter(([id, { name }]) => isOurs(name) && !vlans.has(id));
  steps.push(...changes.flatMap(({ step }) => step ?? []), ...goneVlans.map(([id]) => `remove VLAN ${id}`));
  if (steps.length === 0) return { kind: 'none', steps: [], commands: '' };
  const kept = changes.flatMap(({ kept }) => kept ?? []);
  const writer = writerOf(shape);
  const edits = [
    ...sortedLists(desired.rules.lists)
      .flatMap((list) => writer.write(list))
      .map(withOperation('replace')),
    ...goneLists
      .flatMap(([name, of]) =>
        writer.name(
          name,
          of.flatMap(({ families }) => families),
        ),
      )
      .map(withOperation('delete')),
  ];
  const vlanEdits = [
    ...changes.map(({ edit }) => edit),
    ...goneVlans.map(([id]) => vlanKey(id)).map(withOperation('delete')),
  ];
  return { kind: 'rules', steps: [...steps, ...kept], commands: formatConfig(edits, vlanEdits, shape) };
}

interface VlanChange {
  readonly edit: Tag;
  readonly step?: string;
  readonly kept?: string;
}

/**
 * A VLAN of another name that works is as good as ours, and stays as it is. One that does not work is asked to be made, which the
 * switch refuses, because it is there: somebody has to look at it.
 */
function vlanChange(vlan: Vlan, found: ObservedVlan | undefined): VlanChange {
  const { id } = vlan;
  const name = vlanName(vlan);
  if (!found) return { edit: withOperation('create')(vlanTag(vlan)), step: `add VLAN ${id} as ${name}` };
  const there = found.name === null ? 'has no name' : `is \`${found.name}\``;
  if (isOurs(found.name)) {
    const isRight = found.name === name && found.isActive && found.foreign.length === 0;
    const edit = withOperation('replace')(vlanTag(vlan));
    return isRight ? { edit } : { edit, step: `put VLAN ${id} right, which is not as rendered` };
  }
  if (!found.isActive)
    return {
      edit: withOperation('create')(vlanTag(vlan)),
      step: `VLAN ${id} ${there} there and not active: it is not Cordon's, so make it active or take it away`,
    };
  return {
    edit: withOperation('merge')(vlanKey(id)),
    kept: `VLAN ${id} ${there} there and stays so: it is not Cordon's`,
  };
}
