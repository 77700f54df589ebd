import { compareText } from '#base';
import { stateOf, type EnforcementRules, type EnforcementState } from '#model';
import type { ChangePlan, ObservedState } from '../driver.js';
import { explainLines, shorten, without } from '../plan-steps.js';
import { families } from '#net';
import { dropTable, formatTransaction, tableId, type Json } from './commands.js';
import { parse } from './parse.js';
import { isRecord } from './parse-rule.js';
import { watchChains } from './watching.js';
import { addSet, membersOf, render, renderWatchingIn } from './render.js';

/**
 * Rules that differ are replaced as a whole, in one transaction; when only members differ, only these are touched, so that
 * a device that comes or goes costs the same however many rules there are. What only watches is replaced alone, and counters go on.
 */
export function plan(desired: EnforcementState, observed: ObservedState | null): ChangePlan {
  const wanted = expectState(desired);
  if (!observed || observed.rulesFingerprint !== wanted.rulesFingerprint)
    return { kind: 'rules', steps: explainReplacement(wanted, observed), commands: render(desired) };
  const isWatching = observed.watching?.fingerprint === wanted.watching?.fingerprint;
  // What somebody put among what watches is not taken out piece by piece.
  if (!isWatching && observed.watching?.isPlain !== true)
    return { kind: 'rules', steps: [strangers], commands: render(desired) };
  const { commands, steps } = planMembers(wanted, observed);
  if (!isWatching) {
    const watching = [...emptyWatching(wanted, observed), ...commands, ...fillWatching(desired.rules)];
    return {
      kind: 'watching',
      steps: shorten([
        `replace what watches the candidate: ${desired.rules.candidate ? 'there is one' : 'none'}`,
        ...steps,
      ]),
      commands: formatTransaction(watching),
    };
  }
  if (commands.length === 0) return { kind: 'none', steps: [], commands: '' };
  return { kind: 'membership', steps: shorten(steps), commands: formatTransaction(commands) };
}

const strangers = 'replace table inet cordon: among the rules that only watch are some that are not ours';

/** Sets that nothing else looks into go, and come, with these rules. */
function emptyWatching(wanted: ObservedState, observed: ObservedState): Json[] {
  const chains = families.flatMap((family) => Object.values<string>({ ...watchChains(family) }));
  const gone = [...observed.membership.keys()].filter((name) => !wanted.membership.has(name));
  const fresh = [...wanted.membership.keys()].filter((name) => !observed.membership.has(name));
  return [
    ...chains.map((name) => ({ flush: { chain: { ...tableId, name } } })),
    ...gone.map((name) => ({ delete: { set: { ...tableId, name } } })),
    ...fresh.map(addSet),
  ];
}

const fillWatching = (rules: EnforcementRules): Json[] =>
  families.flatMap((family) =>
    renderWatchingIn(rules, family).flatMap(([chain, bodies]) =>
      bodies.map((body) => ({ add: { rule: { ...tableId, chain, ...body } } })),
    ),
  );

function planMembers(wanted: ObservedState, observed: ObservedState): { commands: Json[]; steps: string[] } {
  const commands: Json[] = [];
  const steps: string[] = [];
  for (const [name, members] of [...wanted.membership].sort(([a], [b]) => compareText(a, b))) {
    const present = observed.membership.get(name) ?? new Set<string>();
    const gone = without(present, members);
    const fresh = without(members, present);
    if (gone.length > 0) commands.push({ delete: { element: { ...tableId, name, elem: gone } } });
    if (fresh.length > 0) commands.push({ add: { element: { ...tableId, name, elem: fresh } } });
    steps.push(...gone.map((member) => `remove ${member} from set ${name}`));
    steps.push(...fresh.map((member) => `add ${member} to set ${name}`));
  }
  return { commands, steps };
}

type ObservedRules = Omit<ObservedState, 'membership' | 'ports'>;
const observedRules = new WeakMap<EnforcementRules, ObservedRules>();
const expected = new WeakMap<EnforcementState, ObservedState>();

/**
 * What `parse` gives for the artefact of `state`. Members come and go many times while the rules stay, so the rules are
 * rendered and parsed once.
 */
export function expectState(state: EnforcementState): ObservedState {
  const answered = expected.get(state);
  if (answered) return answered;
  const { rules } = state;
  const known = observedRules.get(rules) ?? parse(render(stateOf(rules)));
  if (!known) throw new Error('the rendered artefact has no table');
  const { rulesFingerprint, watching, ruleIds } = known;
  if (!watching) throw new Error('the rendered artefact has nothing that watches');
  observedRules.set(rules, { rulesFingerprint, watching, ruleIds });
  const observed = {
    rulesFingerprint,
    watching,
    ruleIds,
    membership: membersOf(state),
    ports: new Map<string, number>(),
  };
  expected.set(state, observed);
  return observed;
}

function explainReplacement(wanted: ObservedState, observed: ObservedState | null): string[] {
  if (!observed) return [`create table inet cordon with ${wanted.ruleIds.size} policy lines`];
  return explainLines(
    wanted,
    observed,
    `replace table inet cordon: ${wanted.ruleIds.size} policy lines`,
    'their rules on the device are not as rendered',
  );
}

/** The transaction that puts a listing back, foreign objects in our table included; null: there was no table. */
export function restoreCommands(listing: string | null): string {
  if (listing === null) return formatTransaction(dropTable);
  const { nftables } = JSON.parse(listing) as { nftables: unknown[] };
  const objects = nftables.filter(isRecord).filter((item) => !('metainfo' in item));
  return formatTransaction([...dropTable, ...objects.map((item) => ({ add: withoutHandle(item) }))]);
}

/**
 * The transaction that takes a change of members back: its steps in reverse, each turned round. With `create` nft takes it only where the
 * whole change is in force.
 */
export function invertMembership(commands: string, putBack: 'add' | 'create' = 'add'): string {
  const { nftables } = JSON.parse(commands) as { nftables: Json[] };
  const inverse = nftables.map((command) =>
    'add' in command ? { delete: command['add'] } : { [putBack]: command['delete'] },
  );
  return formatTransaction(inverse.reverse());
}

function withoutHandle(item: Json): Json {
  return Object.fromEntries(
    Object.entries(item).map(([kind, body]) => {
      if (!isRecord(body)) return [kind, body];
      return [kind, Object.fromEntries(Object.entries(body).filter(([key]) => key !== 'handle'))];
    }),
  );
}
