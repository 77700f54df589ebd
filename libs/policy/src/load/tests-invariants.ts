import { postures } from '#model';
import { parseAddress, parseService } from '#net';
import { z } from 'zod';
import type { Report } from '../codes.js';
import {
  builtIn,
  type AccessInvariant,
  type FlowInvariant,
  type Invariant,
  type InvariantTime,
  type Whereabouts,
} from '../policy.js';
import { didYouMean } from './suggest.js';
import type { Vocabulary } from './tests.js';
import type { Path, YamlFile } from './yaml-file.js';

const kinds = ['never', 'always', 'only'] as const;
type Kind = (typeof kinds)[number];

/** One, or a list of them. */
const listOf = <T extends z.ZodType>(item: T) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? [value] : value),
    z
      .array(item, 'write one, or a list of them')
      .min(1, 'the list is empty: name at least one, or leave the field out'),
  );
const names = listOf(z.string().min(1));
const place = {
  site: names.optional(),
  sites: names.optional(),
  posture: listOf(z.enum(postures)).optional(),
  postures: listOf(z.enum(postures)).optional(),
};
const except = z.strictObject({ from: names.optional(), to: names.optional(), app: names.optional() });
export const flowClaim = z.strictObject({
  from: names,
  to: names,
  app: names.optional(),
  ...place,
  except: except.optional(),
});
export const accessClaim = z.strictObject({ class: names, segment: names, ...place });
/** Three years: every change of every schedule in that time is looked at. */
const maxDays = 1100;
const aDuration = 'not a number of days: write `365 days`';
export const frame = z.strictObject({
  name: z.string().min(1),
  never: z.unknown().optional(),
  always: z.unknown().optional(),
  only: z.unknown().optional(),
  at: listOf(z.iso.datetime({ offset: true, error: 'not an instant: write 2027-01-01T00:00:00Z' })).optional(),
  throughout: z
    .string(aDuration)
    .regex(/^[1-9]\d{0,3} days?$/, aDuration)
    .refine((text) => Number.parseInt(text, 10) <= maxDays, 'at most 1100 days')
    .optional(),
});

interface Reader {
  readonly file: YamlFile;
  /** Of the claim. */
  readonly path: Path;
  readonly words: Vocabulary;
  readonly report: Report;
}

/** Reads one invariant; null after errors, each with its own place. */
export function readInvariant(file: YamlFile, path: Path, words: Vocabulary, report: Report): Invariant | null {
  const outer = file.value(path, frame, report);
  if (!outer) return null;
  const stated = kinds.filter((kind) => outer[kind] !== undefined);
  const [kind] = stated;
  if (kind === undefined || stated.length > 1) {
    const summary =
      kind === undefined ? 'the invariant claims nothing' : `\`${stated.join('` and `')}\` in one invariant`;
    report.add('schema', file.span(path), summary, 'write one of `never:`, `always:` and `only:`');
    return null;
  }
  const body: unknown = outer[kind];
  const time = ['at', 'throughout'].find((field) => body !== null && typeof body === 'object' && field in body);
  if (time !== undefined) {
    const summary = `\`${time}\` is about the whole invariant and stands inside \`${kind}\``;
    report.add('schema', file.span([...path, kind, time]), summary, `put it beside \`${kind}\``);
    return null;
  }
  const when = timeOf(outer, file, path, report);
  const reader: Reader = { file, path: [...path, kind], words, report };
  const isAccess = body !== null && typeof body === 'object' && ('class' in body || 'segment' in body);
  const claim = isAccess ? readAccessClaim(reader) : readFlowClaim(reader, kind);
  return claim && when && { ...claim, kind, when, name: outer.name, span: file.span(path) };
}

function timeOf(
  { at, throughout }: z.infer<typeof frame>,
  file: YamlFile,
  path: Path,
  report: Report,
): InvariantTime | null {
  if (at && throughout !== undefined) {
    const hint = 'keep `throughout` for every instant of that time, or `at` for the instants that it lists';
    report.add('schema', file.span([...path, 'throughout']), '`at` and `throughout` contradict each other', hint);
    return null;
  }
  if (at) return { kind: 'instants', instants: at.map((text) => new Date(text)) };
  return throughout === undefined ? { kind: 'check' } : { kind: 'throughout', days: Number.parseInt(throughout, 10) };
}

type FlowClaim = Omit<FlowInvariant, 'kind' | 'name' | 'span' | 'when'>;
type AccessClaim = Omit<AccessInvariant, 'kind' | 'name' | 'span' | 'when'>;

function readFlowClaim(reader: Reader, kind: Kind): FlowClaim | null {
  const value = reader.file.value(reader.path, flowClaim, reader.report);
  if (!value) return null;
  const { from, to, app = [builtIn.anyApplication] } = value;
  const { from: notFrom = [], to: notTo = [], app: notApp = [] } = value.except ?? {};
  const without = { from: notFrom, to: notTo, app: notApp };
  const { principals, applications, classes } = reader.words;
  const isAnyone = (text: string): boolean => text === builtIn.anyone && !isAmbiguous(reader);
  const isEnd = (text: string): boolean => isAnyone(text) || isAddress(text);
  const good = [
    // Of `only`, those who may are named: an address or everybody would say nothing.
    checkNames(reader, ['from'], from, principals, kind === 'only' ? undefined : isEnd),
    checkNames(reader, ['to'], to, principals, isEnd),
    checkNames(reader, ['app'], app, applications, isService),
    checkNames(reader, ['except', 'from'], without.from, principals, isAddress),
    checkNames(reader, ['except', 'to'], without.to, principals, isAddress),
    checkNames(reader, ['except', 'app'], without.app, applications, isService),
  ];
  const devices = (kind === 'only' ? to : [...from, ...to]).filter(
    (name) => name === builtIn.anyone || classes.includes(name),
  );
  const where = readPlace(reader, value, good);
  if (where && devices.length === 0) {
    const field = ['sites', 'site', 'postures', 'posture'].find((name) => name in value)!;
    const ends = kind === 'only' ? '`to` names none' : '`from` and `to` name none';
    const span = reader.file.span([...reader.path, field]);
    reader.report.add(
      'schema',
      span,
      `\`${field}\` speaks of devices, and ${ends}`,
      'name a device class, or remove it',
    );
    return null;
  }
  return good.every(Boolean) ? { about: 'flows', from, to, app, where, except: without } : null;
}

function readAccessClaim(reader: Reader): AccessClaim | null {
  const value = reader.file.value(reader.path, accessClaim, reader.report);
  if (!value) return null;
  const { class: devices, segment: segments } = value;
  const good = [
    checkNames(reader, ['class'], devices, reader.words.classes),
    checkNames(reader, ['segment'], segments, reader.words.segments),
  ];
  const where = readPlace(reader, value, good) ?? { sites: [builtIn.everywhere], postures: null };
  return good.every(Boolean) ? { about: 'access', classes: devices, segments, where } : null;
}

type Place = z.infer<z.ZodObject<typeof place>>;

/** Null when neither sites nor postures are named. */
function readPlace(reader: Reader, value: Place, good: boolean[]): Whereabouts | null {
  for (const [one, many] of [
    ['site', 'sites'],
    ['posture', 'postures'],
  ] as const) {
    if (!value[one] || !value[many]) continue;
    const span = reader.file.span([...reader.path, one]);
    reader.report.add('schema', span, `\`${one}\` stands beside \`${many}\``, `put all of them into \`${many}\``);
    good.push(false);
  }
  const sites = value.sites ?? value.site;
  const chosen = value.postures ?? value.posture;
  if (!sites && !chosen) return null;
  if (sites) good.push(checkNames(reader, [value.sites ? 'sites' : 'site'], sites, reader.words.sites));
  return { sites: sites ?? [builtIn.everywhere], postures: chosen ?? null };
}

const isAddress = (text: string): boolean => parseAddress(text) !== null;
const isService = (text: string): boolean => parseService(text) !== null;

function isAmbiguous({ words, file, path, report }: Reader): boolean {
  if (!words.principals.includes(builtIn.anyone)) return false;
  const hint = 'rename that class or endpoint';
  report.add('duplicate-name', file.span(path), '`any` means everybody here, and is declared as a name too', hint);
  return true;
}

function checkNames(
  { file, path, report }: Reader,
  field: readonly string[],
  names: readonly string[],
  known: readonly string[],
  also: (text: string) => boolean = () => false,
): boolean {
  let good = true;
  for (const [i, name] of names.entries()) {
    if (also(name) || known.includes(name)) continue;
    const span = file.span([...path, ...field, i]);
    report.add('unknown-name', span, `\`${name}\` is not declared`, didYouMean(name, known, 'correct the invariant'));
    good = false;
  }
  return good;
}
