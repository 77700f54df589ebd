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
 *   1. a new `base`: it closes pods          2. what takes from peers that get nothing in its place: they are cut first
 *   3. what gives                            4. another `base`: the border of the scope moves
 *   5. what takes from peers that got something in its place by now
 *   6. `base` of what is no workload any more: pods are opened last
 *
 * INVARIANT: at no moment passes what neither the old nor the new rules pass. Each object holds permissions of one of the two, so that
 * their sum does; but pods that no object selects are open, hence `base` first and last. What stays allowed is not interrupted, unless
 * two objects change peers with each other.
 */
export function orderChanges(
  wanted: readonly NetworkPolicy[],
  stored: readonly StoredPolicy[],
  stands: (stored: StoredPolicy) => boolean,
): Change[] {
  const present = new Map(stored.map((each) => [keyOf(each.policy), each]));
  const goal = new Map(wanted.map((policy) => [keyOf(policy), policy]));
  const served = new Set(wanted.filter((policy) => !isBase(policy)).flatMap(peersOf));
  // A block may hold the peers of another: whether it does is not looked at, they are taken for served.
  const broad = new Set([...served].filter(isBlock).map(wayOf));
  // Whoever was out of scope and is in it now, or the other way round, is served by other objects than before.
  const moving = new Set(
    wanted.filter((policy) => isBase(policy) && movesPeers(present.get(keyOf(policy))?.policy, policy)).map(serviceOf),
  );
  const rankOf = (old: NetworkPolicy | undefined, policy: NetworkPolicy | undefined): number => {
    if (isBase(policy ?? old!)) return !old ? 1 : policy ? 4 : 6;
    const kept = new Set(policy ? peersOf(policy) : []);
    const taken = old ? peersOf(old).filter((peer) => !kept.has(peer)) : [];
    if (taken.length === 0) return 3;
    const isServed = taken.some((peer) => served.has(peer) || isBlock(peer) || broad.has(wayOf(peer)));
    return moving.has(serviceOf(old!)) || isServed ? 5 : 2;
  };
  const ranked: { readonly rank: number; readonly change: Change }[] = [];
  for (const policy of wanted) {
    const old = present.get(keyOf(policy));
    if (old && sameContent(old.policy, policy)) continue;
    const change: Change = old ? { kind: 'replace', policy, stored: old } : { kind: 'create', policy };
    ranked.push({ rank: rankOf(old?.policy, policy), change });
  }
  for (const each of stored)
    if (!goal.has(keyOf(each.policy)) && !stands(each))
      ranked.push({ rank: rankOf(each.policy, undefined), change: { kind: 'remove', stored: each } });
  return ranked
    .sort((a, b) => a.rank - b.rank || compareText(nameOf(a.change), nameOf(b.change)))
    .map(({ change }) => change);
}

const movesPeers = (old: NetworkPolicy | undefined, policy: NetworkPolicy): boolean =>
  old !== undefined && canonicalJson(peersOf(old)) !== canonicalJson(peersOf(policy));

const nameOf = (change: Change): string => keyOf(change.kind === 'remove' ? change.stored.policy : change.policy);

const isBase = ({ metadata }: NetworkPolicy): boolean =>
  metadata.name === baseName(metadata.annotations[serviceKey] ?? '');

/** `NAMESPACE/NAME` of the service that a policy is about. */
export const serviceOf = ({ metadata }: Pick<NetworkPolicy, 'metadata'>): string =>
  `${metadata.namespace}/${metadata.annotations[serviceKey] ?? ''}`;

/** `NAMESPACE/NAME from {…}`: each peer with the service and the direction in which it is let through. */
function peersOf({ metadata, spec }: NetworkPolicy): string[] {
  const texts = (way: string, peers: readonly PolicyPeer[] = []): string[] =>
    peers.map((peer) => `${serviceOf({ metadata })} ${way} ${JSON.stringify(peer)}`);
  return [
    ...(spec.ingress ?? []).flatMap((rule) => texts('from', rule.from)),
    ...(spec.egress ?? []).flatMap((rule) => texts('to', rule.to)),
  ];
}

const wayOf = (peer: string): string => peer.slice(0, peer.indexOf('{'));
const isBlock = (peer: string): boolean => !/(\.\d+\/32|:[0-9a-f]*\/128)"\}\}$/.test(peer);

/** Also by whom else something was written into it. */
export const sameContent = (a: NetworkPolicy, b: NetworkPolicy): boolean =>
  canonicalJson({ metadata: a.metadata, spec: a.spec }) === canonicalJson({ metadata: b.metadata, spec: b.spec });
