import type { Mac } from '#net';
import { macSchema } from '#model';
import { z } from 'zod';
import type { Report } from '../codes.js';
import { builtIn, type Declared } from '../policy.js';
import type { ChangeStrategy, ClassChanges, RolloutRules, RolloutStage } from '../snapshot.js';
import { known } from './network.js';
import type { YamlFile } from './yaml-file.js';

const percent = z.number().min(0).max(100);
const minutes = z.number().min(0).max(10_080);

export const rolloutSchema = z.strictObject({
  stages: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be of small letters, digits and -'),
        sites: z.array(z.string()).default([]),
        devices: z.array(macSchema).default([]),
        soakMinutes: minutes.default(0),
      }),
    )
    .max(50)
    .default([]),
  gates: z
    .strictObject({
      refused: percent.nullable().default(5),
      rejected: percent.nullable().default(5),
      missing: percent.nullable().default(5),
      missingMinutes: minutes.default(10),
      denied: z.number().min(1).max(1000).nullable().default(5),
      least: z.number().int().min(1).max(10_000).default(3),
      action: z.enum(['halt', 'roll-back']).default('halt'),
    })
    .prefault({}),
  limits: z
    .strictObject({
      changesPerSecond: z.number().min(0.1).max(10_000).nullable().default(50),
      perSwitch: z.number().int().min(1).max(64).default(4),
      jitterSeconds: z.number().min(0).max(3600).default(0),
    })
    .prefault({}),
  inUse: z
    .strictObject({
      waitHours: z.number().min(0).max(168).default(8),
      quarantine: z.enum(['waits', 'overrides']).default('waits'),
    })
    .prefault({}),
  breakGlass: z.strictObject({ mostHours: z.number().min(0.1).max(72).default(4) }).prefault({}),
  classes: z
    .record(
      z.string(),
      z.strictObject({
        change: z.enum(['immediate', 'next-reauth', 'maintenance-window', 'manual']).default('immediate'),
        window: z.string().optional(),
        breakGlass: z.string().optional(),
      }),
    )
    .default({}),
});

type Written = z.infer<typeof rolloutSchema>;

interface Names {
  readonly classes: ReadonlyMap<string, Declared>;
  readonly sites: ReadonlyMap<string, Declared>;
  readonly schedules: ReadonlyMap<string, unknown>;
}

/** network/rollout.yaml: how a change of policy reaches devices. What changes is not said here. */
export function readRollout(yaml: YamlFile | null, names: Names, report: Report): RolloutRules {
  const isEmpty = !yaml || (yaml.entries(report) ?? []).length === 0;
  const written = isEmpty ? rolloutSchema.parse({}) : yaml.value([], rolloutSchema, report);
  if (!written || isEmpty) return rulesOf(written ?? rolloutSchema.parse({}), []);
  checkStages(yaml, written, names, report);
  const classes = Object.entries(written.classes).flatMap(([name, own]): ClassChanges[] => {
    const isClass = known(yaml, ['classes', name], name, names.classes.keys(), 'class', report);
    const strategy = strategyOf(yaml, name, own, names, report);
    const { breakGlass = null } = own;
    const opens =
      breakGlass === null ||
      known(yaml, ['classes', name, 'breakGlass'], breakGlass, names.classes.keys(), 'class', report);
    return isClass && strategy && opens ? [{ name, strategy, breakGlass }] : [];
  });
  return rulesOf(written, classes);
}

function rulesOf(
  { stages, gates, limits, inUse, breakGlass }: Written,
  classes: readonly ClassChanges[],
): RolloutRules {
  const all = stages.map(({ name, sites, devices, soakMinutes }): RolloutStage => {
    return { name, sites, devices: [...new Set<Mac>(devices)].sort(), soakSeconds: soakMinutes * 60 };
  });
  if (!all.some(({ sites }) => sites.includes(builtIn.everywhere)))
    all.push({ name: builtIn.everywhere, sites: [builtIn.everywhere], devices: [], soakSeconds: 0 });
  const { missingMinutes, ...others } = gates;
  return {
    stages: all,
    gates: { ...others, missingSeconds: missingMinutes * 60 },
    limits,
    inUse: { waitSeconds: inUse.waitHours * 3600, quarantine: inUse.quarantine },
    breakGlass: { mostSeconds: breakGlass.mostHours * 3600 },
    classes,
  };
}

/** Each stage has a name of its own and covers something; the one that covers everything is the last. */
function checkStages(yaml: YamlFile, { stages }: Written, { sites }: Names, report: Report): void {
  const seen = new Set<string>();
  for (const [i, { name, sites: covered, devices }] of stages.entries()) {
    const wrong = (summary: string, hint: string) =>
      report.add('rollout-stage', yaml.span(['stages', i]), `stage \`${name}\` ${summary}`, hint);
    if (seen.has(name)) wrong('stands twice', 'give each stage a name of its own');
    seen.add(name);
    if (covered.length + devices.length === 0) wrong('covers nothing', 'name `sites` or `devices`');
    if (covered.includes(builtIn.everywhere) && i < stages.length - 1)
      wrong('covers everything, and others follow it', 'put it last');
    for (const [j, site] of covered.entries())
      known(yaml, ['stages', i, 'sites', j], site, sites.keys(), 'site', report);
  }
}

/** Null after an error. */
function strategyOf(
  yaml: YamlFile,
  name: string,
  { change, window }: Written['classes'][string],
  { schedules }: Names,
  report: Report,
): ChangeStrategy | null {
  const place = yaml.span(['classes', name]);
  if (change !== 'maintenance-window') {
    if (window === undefined) return { kind: change };
    report.add(
      'rollout-class',
      place,
      `class \`${name}\` has a window, and does not wait for one`,
      'write `change: maintenance-window`',
    );
    return null;
  }
  if (window === undefined) {
    report.add(
      'rollout-class',
      place,
      `class \`${name}\` waits for a window that is not named`,
      'write `window:` with the name of a schedule',
    );
    return null;
  }
  return known(yaml, ['classes', name, 'window'], window, schedules.keys(), 'schedule', report)
    ? { kind: 'maintenance-window', schedule: window }
    : null;
}
