import { suspicionActions, type FingerprintField, type SuspicionAction, type SuspicionKind } from '#model';
import { z } from 'zod';
import type { Report } from '../codes.js';
import type { Declared } from '../policy.js';
import type { ClassSuspicions, FingerprintPatterns, SuspicionActions, SuspicionRules } from '../snapshot.js';
import { didYouMean } from './suggest.js';
import type { YamlFile } from './yaml-file.js';

const action = z.enum(suspicionActions);
/** Easily confused with what stands beside it. */
const classAction = 'must be ignore, alarm or quarantine; what devices of the class say stands under `fingerprints`';
/** The first 24, 28 or 36 bits of a MAC address, as IEEE gives them to manufacturers. */
const prefix = z.string().regex(/^[0-9a-f]{2}([:-])[0-9a-f]{2}\1[0-9a-f]{2}(\1[0-9a-f]|\1[0-9a-f]{2}\1[0-9a-f])?$/i, {
  error: 'must be the first 24, 28 or 36 bits of a mac address, like 00:1a:2b, 00:1a:2b:c or 00:1a:2b:cd:e',
});

const pattern = z
  .string({ error: 'must be text: put it into quotes' })
  .min(1, { error: 'must not be empty; `*` is any text' })
  .max(255, { error: 'must be at most 255 characters' });
const options = pattern.regex(/^[\d,*]+$/, {
  error: 'must be numbers of options with commas and no blanks, like 1,3,6,15; `*` is any text',
});
const oneOf = (schema: z.ZodString) =>
  z
    .array(schema, { error: "must be a list of texts, like ['alaris-*']" })
    .min(1, { error: 'must have a value, or be left out: then this field is not looked at' })
    .exactOptional();
const fingerprints = z.strictObject(
  {
    'dhcp-class-identifier': oneOf(pattern),
    'dhcp-parameter-request-list': oneOf(options),
    'dhcp-host-name': oneOf(pattern),
    'lldp-system-name': oneOf(pattern),
    'lldp-system-description': oneOf(pattern),
  } satisfies Record<FingerprintField, z.ZodType>,
  { error: 'must be fields with the values that devices of the class say' },
);

export const suspicionsSchema = z.strictObject({
  downgrade: action.default('alarm'),
  'two-ports': action.default('alarm'),
  vendor: action.default('alarm'),
  fingerprint: action.default('alarm'),
  classes: z
    .record(
      z.string(),
      z.strictObject({
        downgrade: action.optional(),
        'two-ports': action.optional(),
        vendor: action.optional(),
        fingerprint: z.enum(suspicionActions, { error: classAction }).optional(),
        manufacturers: z.array(prefix).default([]),
        fingerprints: fingerprints.default({}),
      }),
    )
    .default({}),
});

const defaults: SuspicionRules = {
  actions: { downgrade: 'alarm', 'two-ports': 'alarm', vendor: 'alarm', fingerprint: 'alarm' },
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
    const manufacturers = inOrder(own.manufacturers.map((text) => text.toLowerCase().replaceAll('-', ':')));
    return [{ name, actions: overridden(actions, own), manufacturers, fingerprints: patternsOf(own.fingerprints) }];
  });
  return { actions, classes: known };
}

const inOrder = (texts: readonly string[]): string[] => [...new Set(texts)].sort();

const patternsOf = (written: FingerprintPatterns): FingerprintPatterns =>
  Object.fromEntries(Object.entries(written).map(([field, patterns]) => [field, inOrder(patterns)]));

const overridden = (
  general: SuspicionActions,
  own: { readonly [Kind in SuspicionKind]?: SuspicionAction | undefined },
): SuspicionActions => ({
  downgrade: own.downgrade ?? general.downgrade,
  'two-ports': own['two-ports'] ?? general['two-ports'],
  vendor: own.vendor ?? general.vendor,
  fingerprint: own.fingerprint ?? general.fingerprint,
});
