import { compareText, remembered } from '#base';
import type { EnforcementState } from '#model';
import type { ChangePlan, ObservedState } from '../driver.js';
import { explainLines, shorten, without } from '../plan-steps.js';
import { withoutPiece } from './names.js';
import { isPolicy, keyOf, type NetworkPolicy, type Service } from './objects.js';
import { observe, parsePolicies } from './parse.js';
import { formatText, itemsOf, type RenderOptions } from './render.js';

const none: ReadonlySet<string> = new Set();

/** A state, worked out: pure, so kept as long as the state is. */
export interface Rendered {
  readonly items: readonly (Service | NetworkPolicy)[];
  readonly observed: ObservedState;
}

export function renderer(options: RenderOptions): (state: EnforcementState) => Rendered {
  const made = new WeakMap<EnforcementState, Rendered>();
  return (state) =>
    remembered(made, state, () => {
      const items = itemsOf(state, options);
      return { items, observed: observe(parsePolicies(formatText({ items }))) };
    });
}

/**
 * Rules that differ go out as the whole of what should stand there, of which the session changes what is not so; when only
 * devices differ, the objects that these are in and no others.
 */
export function plan({ items, observed: wanted }: Rendered, found: ObservedState | null): ChangePlan {
  const observed = found ?? observe([]);
  if (observed.rulesFingerprint !== wanted.rulesFingerprint)
    return { kind: 'rules', steps: explainRules(wanted, observed), commands: formatText({ items }) };
  const changed = new Set(
    [...wanted.membership].flatMap(([key, set]) => (isSame(set, observed.membership.get(key)) ? [] : [key])),
  );
  const gone = [...observed.membership.keys()].filter((key) => !wanted.membership.has(key));
  // An object of fixed addresses is in the wanted state with or without members.
  const standing = new Set(items.filter(isPolicy).map(keyOf));
  const touched = new Set([...changed, ...gone.filter((key) => standing.has(key))]);
  const remove = gone.filter((key) => !standing.has(key));
  if (touched.size + remove.length === 0) return { kind: 'none', steps: [], commands: '' };
  const policies = items.filter((item) => isPolicy(item) && touched.has(keyOf(item)));
  return {
    kind: 'membership',
    steps: shorten(explainMembers(wanted, observed)),
    commands: formatText({ items: policies, remove }),
  };
}

const isSame = (a: ReadonlySet<string>, b: ReadonlySet<string> | undefined): boolean =>
  b !== undefined && a.size === b.size && a.isSubsetOf(b);

/** By group: which piece of it a device is in is of no interest. */
function explainMembers(wanted: ObservedState, observed: ObservedState): string[] {
  const [after, before] = [byGroup(wanted), byGroup(observed)];
  const names = [...new Set([...before.keys(), ...after.keys()])].sort(compareText);
  return names.flatMap((name) => {
    const [had, has] = [before.get(name) ?? none, after.get(name) ?? none];
    return [
      ...without(had, has).map((member) => `remove ${member} from ${name}`),
      ...without(has, had).map((member) => `add ${member} to ${name}`),
    ];
  });
}

function byGroup({ membership }: ObservedState): Map<string, ReadonlySet<string>> {
  const groups = new Map<string, ReadonlySet<string>>();
  for (const [key, members] of membership) {
    // What an object of fixed addresses holds of devices are those that it leaves out.
    const name = key.includes('.addresses-') ? `the exceptions of ${key}` : withoutPiece(key);
    groups.set(name, members.union(groups.get(name) ?? none));
  }
  return groups;
}

function explainRules(wanted: ObservedState, observed: ObservedState): string[] {
  return explainLines(
    wanted,
    observed,
    `bring the NetworkPolicies of ${wanted.ruleIds.size} policy lines`,
    'the NetworkPolicies or their services are not as they should be',
  );
}
