import { compareText } from '#base';
import type { Criticality, NasEntry, Snapshot } from '#policy';
import { nasProfile } from '#radius';
import type { CoaKind, CoaPlan, NasBurst } from '../plan.js';
import type { GroupAccess, Renderings } from './diff-access.js';
import { kindsAt, switchKind } from './rendering.js';

/**
 * The messages that a rollout sends to live sessions: one per device of the inventory whose switch would be told something
 * else, as the bridge does it (a changed authorization, a re-authentication, or a disconnect where there is no access any
 * more). A device that was rejected has no session and gets none. How fast they are sent is not decided here.
 */
export function planCoa(
  groups: readonly GroupAccess[],
  before: Snapshot,
  after: Snapshot,
  renderings: Renderings,
  criticalityOf: (name: string) => Criticality,
): CoaPlan {
  const was = new Map(before.nas.map((entry) => [entry.name, entry]));
  const is = new Map(after.nas.map((entry) => [entry.name, entry]));
  const byKind: Record<CoaKind, number> = { change: 0, reauthenticate: 0, disconnect: 0, unknown: 0 };
  const byCriticality = noneYet();
  const perNas = new Map<string | null, { messages: number; byCriticality: Record<Criticality, number> }>();
  for (const access of groups) {
    const { nas: name, class: device } = access.group;
    const kind =
      name === null
        ? kindAnywhere(access, before, after, renderings)
        : kindAt(access, was.get(name) ?? null, is.get(name) ?? null, renderings);
    if (kind === null) continue;
    const count = access.devices ?? 0;
    const criticality = criticalityOf(device);
    const burst = perNas.get(name) ?? { messages: 0, byCriticality: noneYet() };
    perNas.set(name, burst);
    byKind[kind] += count;
    byCriticality[criticality] += count;
    burst.messages += count;
    burst.byCriticality[criticality] += count;
  }
  const bursts = [...perNas].map(([nas, burst]): NasBurst => ({ nas, ...burst }));
  bursts.sort((a, b) => b.messages - a.messages || compareText(a.nas ?? '', b.nas ?? ''));
  return { total: bursts.reduce((sum, { messages }) => sum + messages, 0), byCriticality, byKind, perNas: bursts };
}

const noneYet = (): Record<Criticality, number> => ({ 'life-critical': 0, high: 0, standard: 0 });

/** Null: no message. A switch that is no client any more is told nothing: the bridge has no secret for it. */
function kindAt(
  { before, after }: GroupAccess,
  was: NasEntry | null,
  is: NasEntry | null,
  renderings: Renderings,
): CoaKind | null {
  if (!before || !was || !is) return null;
  if (!after) return 'disconnect';
  const [old, now] = [switchKind(was), switchKind(is)];
  const isSame = renderings.before.fingerprint(old, before) === renderings.after.fingerprint(now, after);
  if (isSame) return null;
  const how = nasProfile(is.profile)?.changeOfAuthorization ?? 'push';
  return how === 'push' ? 'change' : how;
}

/** On which switch is not known: a message if any profile at the site would be told something else. */
function kindAnywhere(
  { group, before, after }: GroupAccess,
  was: Snapshot,
  is: Snapshot,
  renderings: Renderings,
): CoaKind | null {
  if (!before) return null;
  if (!after) return 'disconnect';
  const differs = kindsAt([...was.nas, ...is.nas], group.site).some(
    (kind) => renderings.before.fingerprint(kind, before) !== renderings.after.fingerprint(kind, after),
  );
  return differs ? 'unknown' : null;
}
