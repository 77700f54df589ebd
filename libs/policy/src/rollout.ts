import type { Mac } from '#net';
import { sitesBelow } from './enforcement.js';
import type { ChangeStrategy, RolloutStage, Snapshot } from './snapshot.js';
import { isActive, nextChange } from './when.js';

/** Where a rollout has got to: what stages cover together. */
export interface Coverage {
  /** Sites, those below them included. */
  readonly sites: ReadonlySet<string>;
  readonly devices: ReadonlySet<Mac>;
}

export const nothingCovered: Coverage = { sites: new Set(), devices: new Set() };

/** Sites are those of the snapshot that is being rolled out. */
export function coverageOf(snapshot: Snapshot, stages: readonly RolloutStage[]): Coverage {
  return {
    sites: new Set(stages.flatMap(({ sites }) => sites.flatMap((site) => [...sitesBelow(snapshot, site)]))),
    devices: new Set(stages.flatMap(({ devices }) => devices)),
  };
}

export const isCovered = ({ sites, devices }: Coverage, site: string, mac: string): boolean =>
  sites.has(site) || devices.has(mac as Mac);

type Rules = Pick<Snapshot, 'classes' | 'rollout'>;

/** How a change of policy reaches live sessions of a class: as the class says, or the nearest above it that says something. */
export const changeStrategy = (snapshot: Rules, name: string): ChangeStrategy =>
  entryOf(snapshot, name)?.strategy ?? { kind: 'immediate' };

/** What a device of this class counts as while a person has broken the glass for it; null: the policy has nothing for it. */
export function breakGlassClass({ classes, rollout }: Rules, name: string): string | null {
  return (
    lineage({ classes }, name).flatMap(
      (one) => rollout.classes.find((entry) => entry.name === one)?.breakGlass ?? [],
    )[0] ?? null
  );
}

function entryOf({ classes, rollout }: Rules, name: string) {
  if (rollout.classes.length === 0) return undefined;
  return lineage({ classes }, name)
    .map((one) => rollout.classes.find((entry) => entry.name === one))
    .find((entry) => entry !== undefined);
}

const lineage = ({ classes }: Pick<Snapshot, 'classes'>, name: string): string[] => [
  name,
  ...(classes.find((known) => known.name === name)?.ancestors ?? []),
];

/** Whether a maintenance window is open, and when it next opens or closes (null: never). */
export function windowAt(
  { schedules }: Pick<Snapshot, 'schedules'>,
  name: string,
  at: Date,
): { readonly isOpen: boolean; readonly changesAt: Date | null } {
  const known = new Map(schedules.map((schedule) => [schedule.name, schedule]));
  const when = { kind: 'schedule', name } as const;
  return { isOpen: isActive(when, known, at), changesAt: nextChange(when, known, at) };
}
