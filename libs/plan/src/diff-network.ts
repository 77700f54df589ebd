import { canonicalJson, compareText } from '#base';
import type { Snapshot } from '#policy';
import type { NetworkChange } from './plan.js';

/**
 * Switches, enforcement points and segments that come, go, or have other fields; and classes in both policies whose devices the
 * network treats with other care (what flows a class has is not said here).
 */
export function diffNetwork(before: Snapshot, after: Snapshot): NetworkChange[] {
  return [
    ...diffNamed('nas', before.nas, after.nas),
    ...diffNamed('proxy', before.proxies, after.proxies),
    ...diffNamed('enforcement-point', before.enforcementPoints, after.enforcementPoints),
    ...diffNamed('eap', named('802.1X', before.eap), named('802.1X', after.eap)),
    ...diffNamed('radsec', named('RadSec', before.radsec), named('RadSec', after.radsec)),
    ...diffNamed('suspicions', named('suspicions', before.suspicions), named('suspicions', after.suspicions)),
    ...diffNamed('rollout', named('rollouts', before.rollout), named('rollouts', after.rollout)),
    ...diffNamed('segment', before.segments, after.segments),
    ...diffCare(before, after),
  ];
}

const named = <T extends object>(name: string, only: T | null) => (only ? [{ name, ...only }] : []);

function diffCare(before: Snapshot, after: Snapshot): NetworkChange[] {
  const care = ({ classes }: Snapshot) =>
    classes.map(({ name, criticality, dynamicAuthorization }) => ({ name, criticality, dynamicAuthorization }));
  return diffNamed('class', care(before), care(after)).filter(({ change }) => change === 'changed');
}

function diffNamed<T extends { readonly name: string }>(
  kind: NetworkChange['kind'],
  before: readonly T[],
  after: readonly T[],
): NetworkChange[] {
  const was = new Map(before.map((entry) => [entry.name, entry]));
  const is = new Map(after.map((entry) => [entry.name, entry]));
  return [...new Set([...was.keys(), ...is.keys()])].sort(compareText).flatMap((name): NetworkChange[] => {
    const [old, now] = [was.get(name), is.get(name)];
    if (!old || !now) return [{ kind, name, change: now ? 'added' : 'removed', fields: [] }];
    const fields = differing(old, now);
    return fields.length > 0 ? [{ kind, name, change: 'changed', fields }] : [];
  });
}

function differing<T extends object>(old: T, now: T): string[] {
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort(compareText) as (keyof T & string)[];
  return keys.filter((key) => textOf(old[key]) !== textOf(now[key]));
}

const textOf = (value: unknown): string =>
  canonicalJson(
    JSON.parse(JSON.stringify(value ?? null, (_, part: unknown) => (typeof part === 'bigint' ? `${part}` : part))),
  );
