import { canonicalJson, compareText } from '#base';
import { baseName, serviceKey } from './names.js';
import { keyOf, type NetworkPolicy, type PolicyPeer } from './objects.js';
import type { StoredPolicy } from './session.js';

export type Change =
  | { readonly kind: 'create'; readonly policy: NetworkPolicy }
  | { readonly kind: 'replace'; readonly policy: NetworkPolicy; readonly stored: StoredPolicy }
  | { readonly kind: 'remove'; readonly stored: StoredPolicy };

/**
 * The changes from what is stored to what is wanted, in their order:
 *
 *   1. what closes pods (`base`)        2. what takes something from a peer that gets nothing anew, or less in its place
 *   3. what gives                       4. what is replaced by now              5. `base` of what is no workload any more
 *
 * INVARIANT: at no moment passes what neither the old nor the new rules pass. Each object holds permissions of one of the two, so that
 * their sum does; but pods that no object selects are open, hence `base` first and last. Nothing that stays allowed is interrupted.
 */
export function orderChanges(
  wanted: readonly NetworkPolicy[],
  stored: readonly StoredPolicy[],
  stands: (stored: StoredPolicy) => boolean,
): Change[] {
  const present = new Map(stored.map((each) => [keyOf(each.policy), each]));
  const goal = new Map(wanted.map((policy) => [keyOf(policy), policy]));
  const served = new Set(wanted.flatMap((policy) => peersOf(policy)));
  const ranked: { readonly rank: number; readonly change: Change }[] = [];
  for (const policy of wanted) {
    const old = present.get(keyOf(policy));
    if (old && sameContent(old.policy, policy)) continue;
    const change: Change = old ? { kind: 'replace', policy, stored: old } : { kind: 'create', policy };
    const kept = new Set(peersOf(policy));
    const takes = old && peersOf(old.policy).some((peer) => !kept.has(peer));
    ranked.push({ rank: isBase(policy) ? 1 : takes ? 2 : 3, change });
  }
  for (const each of stored) {
    if (goal.has(keyOf(each.policy)) || stands(each)) continue;
    const isReplaced = peersOf(each.policy).some((peer) => served.has(peer));
    ranked.push({ rank: isBase(each.policy) ? 5 : isReplaced ? 4 : 2, change: { kind: 'remove', stored: each } });
  }
  return ranked
    .sort((a, b) => a.rank - b.rank || compareText(nameOf(a.change), nameOf(b.change)))
    .map(({ change }) => change);
}

const nameOf = (change: Change): string => keyOf(change.kind === 'remove' ? change.stored.policy : change.policy);

const isBase = ({ metadata }: NetworkPolicy): boolean =>
  metadata.name === baseName(metadata.annotations[serviceKey] ?? '');

/** Each peer with the service and the direction in which it is let through. */
function peersOf({ metadata, spec }: NetworkPolicy): string[] {
  const head = `${metadata.namespace}/${metadata.annotations[serviceKey] ?? ''}`;
  const texts = (way: string, peers: readonly PolicyPeer[] = []): string[] =>
    peers.map((peer) => `${head} ${way} ${JSON.stringify(peer)}`);
  return [
    ...(spec.ingress ?? []).flatMap((rule) => texts('from', rule.from)),
    ...(spec.egress ?? []).flatMap((rule) => texts('to', rule.to)),
  ];
}

/** Also by whom else something was written into it. */
export const sameContent = (a: NetworkPolicy, b: NetworkPolicy): boolean =>
  canonicalJson({ metadata: a.metadata, spec: a.spec }) === canonicalJson({ metadata: b.metadata, spec: b.spec });
