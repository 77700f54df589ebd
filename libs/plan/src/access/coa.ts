import { compareText } from '#base';
import { unknownClass, type AuthorizationStep } from '#model';
import { ladderOf, type Criticality, type DeviceClass, type NasEntry, type Snapshot } from '#policy';
import { nasProfile } from '#radius';
import type { CoaKind, CoaPlan, NasBurst } from '../plan.js';
import type { GroupAccess, Renderings } from './diff-access.js';
import { kindsAt, switchKind } from './rendering.js';

/**
 * The messages that a rollout sends to live sessions: one per device of the inventory whose switch would be told something
 * else, as the bridge does it: the first step that the device's class allows and its switch knows (`ladderOf`). A device that was
 * rejected has no session and gets none. How fast they are sent is not decided here.
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
  const classes = new Map(after.classes.map((each) => [each.name, each]));
  const byKind: Record<CoaKind, number> = {
    change: 0,
    reauthenticate: 0,
    disconnect: 0,
    bounce: 0,
    untold: 0,
    unknown: 0,
  };
  const byCriticality = noneYet();
  const perNas = new Map<string | null, { messages: number; byCriticality: Record<Criticality, number> }>();
  for (const access of groups) {
    const { nas: name, class: device } = access.group;
    const kind =
      name === null
        ? kindAnywhere(access, before, after, renderings, classOf(classes, device))
        : kindAt(access, was.get(name) ?? null, is.get(name) ?? null, renderings, classOf(classes, device));
    if (kind === null) continue;
    const count = access.devices ?? 0;
    byKind[kind] += count;
    if (kind === 'untold') continue;
    const criticality = criticalityOf(device);
    const burst = perNas.get(name) ?? { messages: 0, byCriticality: noneYet() };
    perNas.set(name, burst);
    byCriticality[criticality] += count;
    burst.messages += count;
    burst.byCriticality[criticality] += count;
  }
  const bursts = [...perNas].map(([nas, burst]): NasBurst => ({ nas, ...burst }));
  bursts.sort((a, b) => b.messages - a.messages || compareText(a.nas ?? '', b.nas ?? ''));
  return { total: bursts.reduce((sum, { messages }) => sum + messages, 0), byCriticality, byKind, perNas: bursts };
}

const noneYet = (): Record<Criticality, number> => ({ 'life-critical': 0, high: 0, standard: 0 });

/** A class that the new policy does not have is treated as `unknown`, as the bridge does. */
const classOf = (classes: ReadonlyMap<string, DeviceClass>, name: string): DeviceClass =>
  (classes.get(name) ?? classes.get(unknownClass))!;

const kindOfStep: Readonly<Record<AuthorizationStep, CoaKind>> = {
  coa: 'change',
  reauthenticate: 'reauthenticate',
  disconnect: 'disconnect',
  bounce: 'bounce',
};

/** Null: nothing changes for the switch. A switch that is no client any more is told nothing: the bridge has no secret for it. */
function kindAt(
  { before, after }: GroupAccess,
  was: NasEntry | null,
  is: NasEntry | null,
  renderings: Renderings,
  device: DeviceClass,
): CoaKind | null {
  if (!before || !was || !is) return null;
  const [old, now] = [switchKind(was), switchKind(is)];
  const isSame = after && renderings.before.fingerprint(old, before) === renderings.after.fingerprint(now, after);
  const profile = nasProfile(is.profile);
  if (isSame || !profile) return null;
  const [first] = ladderOf(device, profile, after !== null);
  return first ? kindOfStep[first] : 'untold';
}

/** On which switch is not known: a message if any profile at the site would be told something else. */
function kindAnywhere(
  { group, before, after }: GroupAccess,
  was: Snapshot,
  is: Snapshot,
  renderings: Renderings,
  { dynamicAuthorization }: DeviceClass,
): CoaKind | null {
  if (!before) return null;
  // Without access it is the first step on every switch.
  if (!after) return dynamicAuthorization.includes('disconnect') ? 'disconnect' : 'unknown';
  const differs = kindsAt([...was.nas, ...is.nas], group.site).some(
    (kind) => renderings.before.fingerprint(kind, before) !== renderings.after.fingerprint(kind, after),
  );
  return differs ? 'unknown' : null;
}
