import type { SourceSpan } from '#base';
import { z } from 'zod';
import { policyCodes, type PolicyCode, type Report } from '../codes.js';
import type { CheckSettings, IgnoredFinding } from '../policy.js';
import { parseUntil } from '../when.js';
import type { YamlFile } from './yaml-file.js';

export const settingsFile = 'cordon.yaml';

/** Codes that are no errors by nature. An error is what the compiler can't or must not go on with: nothing lowers it. */
export const configurableCodes = (Object.keys(policyCodes) as PolicyCode[]).filter(
  (code) => policyCodes[code][0] !== 'error',
);
const code = z.enum(configurableCodes);

export const ignoreSchema = z.strictObject({
  code,
  rule: z.string().optional(),
  name: z.string().optional(),
  reason: z.string().trim().min(1),
  until: z.string().optional(),
});
export const settingsSchema = z.strictObject({
  check: z.strictObject({
    severities: z.partialRecord(code, z.enum(['error', 'warning', 'info', 'off'])).default({}),
    expiresSoonDays: z.number().int().min(1).max(3650).default(30),
    ignore: z.array(ignoreSchema).default([]),
  }),
});

const defaults: CheckSettings = { severities: new Map(), expiresSoonDays: 30, ignore: [] };

/** What the policy says about findings. Which findings there are is not decided here. */
export function readSettings(file: YamlFile | null, report: Report): CheckSettings {
  if (!file || (file.entries(report) ?? []).length === 0) return defaults;
  const value = file.value([], settingsSchema, report);
  if (!value) return defaults;
  const { severities, expiresSoonDays, ignore } = value.check;
  return {
    severities: new Map(Object.entries(severities)),
    expiresSoonDays,
    ignore: ignore.flatMap((entry, i) => readIgnore(entry, file.span(['check', 'ignore', i]), report) ?? []),
  };
}

function readIgnore(entry: z.infer<typeof ignoreSchema>, span: SourceSpan, report: Report): IgnoredFinding | null {
  const about = aboutOf(entry, span, report);
  const until = entry.until === undefined ? null : parseUntil(`until ${entry.until}`);
  if (entry.until !== undefined && !until) {
    report.add('schema', span, `\`${entry.until}\` is not a day`, 'write it as "2027-03-31"');
    return null;
  }
  return about && { code: entry.code, about, reason: entry.reason, until, span };
}

function aboutOf(
  { rule, name }: z.infer<typeof ignoreSchema>,
  span: SourceSpan,
  report: Report,
): IgnoredFinding['about'] | null {
  if (name !== undefined && rule === undefined) return { name };
  const columns = rule?.split(',').map((column) => column.trim()) ?? [];
  // Subject and object at least, so that an ignore is about few rules.
  const isRule = (columns[0] === 'p' || columns[0] === 'p2') && columns.length >= 3 && !columns.includes('');
  if (isRule && name === undefined) return { columns };
  const hint = 'write either `rule: "p, medical-device, internet"` (its first columns, three or more) or `name: …`';
  report.add('schema', span, 'an ignore is about one rule or one name', hint);
  return null;
}
