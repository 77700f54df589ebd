import { suspicionActions, type SuspicionAction, type SuspicionKind } from '#model';
import { z } from 'zod';
import type { Report } from '../codes.js';
import type { Declared } from '../policy.js';
import type { ClassSuspicions, SuspicionActions, SuspicionRules } from '../snapshot.js';
import { didYouMean } from './suggest.js';
import type { YamlFile } from './yaml-file.js';

const action = z.enum(suspicionActions);
/** The first 24, 28 or 36 bits of a MAC address, as IEEE gives them to manufacturers. */
const prefix = z.string().regex(/^[0-9a-f]{2}([:-])[0-9a-f]{2}\1[0-9a-f]{2}(\1[0-9a-f]|\1[0-9a-f]{2}\1[0-9a-f])?$/i, {
  error: 'must be the first 24, 28 or 36 bits of a mac address, like 00:1a:2b, 00:1a:2b:c or 00:1a:2b:cd:e',
});

export const suspicionsSchema = z.strictObject({
  downgrade: action.default('alarm'),
  'two-ports': action.default('alarm'),
  vendor: action.default('alarm'),
  classes: z
    .record(
      z.string(),
      z.strictObject({
        downgrade: action.optional(),
        'two-ports': action.optional(),
        vendor: action.optional(),
        manufacturers: z.array(prefix).default([]),
      }),
    )
    .default({}),
});

const defaults: SuspicionRules = {
  actions: { downgrade: 'alarm', 'two-ports': 'alarm', vendor: 'alarm' },
  classes: [],
};

/** network/suspicions.yaml: what is done about a device that may not be what it says. How that is found is not said here. */
export function readSuspicions(
  yaml: YamlFile | null,
  classes: ReadonlyMap<string, Declared>,
  report: Report,
): SuspicionRules {
  if (!yaml || (yaml.entries(report) ?? []).length === 0) return defaults;
  const value = yaml.value([], suspicionsSchema, report);
  if (!value) return defaults;
  const { classes: overrides, ...actions } = value;
  const known = Object.entries(overrides).flatMap(([name, own]): ClassSuspicions[] => {
    if (!classes.has(name)) {
      const hint = didYouMean(name, [...classes.keys()], 'classes stand in catalog/classes.yaml');
      report.add('unknown-name', yaml.span(['classes', name]), `\`${name}\` is not a class`, hint);
      return [];
    }
    const prefixes = own.manufacturers.map((text) => text.toLowerCase().replaceAll('-', ':')).sort();
    return [{ name, actions: overridden(actions, own), manufacturers: [...new Set(prefixes)] }];
  });
  return { actions, classes: known };
}

const overridden = (
  general: SuspicionActions,
  own: { readonly [Kind in SuspicionKind]?: SuspicionAction | undefined },
): SuspicionActions => ({
  downgrade: own.downgrade ?? general.downgrade,
  'two-ports': own['two-ports'] ?? general['two-ports'],
  vendor: own.vendor ?? general.vendor,
});
