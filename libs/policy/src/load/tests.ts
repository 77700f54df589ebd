import type { SourceSpan } from '#base';
import { postures } from '#model';
import { parseAddress, parseService } from '#net';
import { z } from 'zod';
import type { Report } from '../codes.js';
import type { Invariant, PolicyTest } from '../policy.js';
import { didYouMean } from './suggest.js';
import { readInvariant } from './tests-invariants.js';
import type { YamlFile } from './yaml-file.js';

const at = z.iso.datetime({ offset: true }).optional();
const name = z.string().min(1);

export const flowTest = z.strictObject({
  name,
  from: z.string(),
  to: z.string(),
  app: z.string(),
  expect: z.enum(['allow', 'deny']),
  at,
});
export const accessTest = z.strictObject({
  name,
  class: z.string(),
  site: z.string(),
  posture: z.enum(postures),
  expect: z.string(),
  at,
});

/** What tests may speak of. */
export interface Vocabulary {
  readonly principals: readonly string[];
  readonly applications: readonly string[];
  readonly classes: readonly string[];
  readonly sites: readonly string[];
  readonly segments: readonly string[];
}

export function readTests(
  files: readonly YamlFile[],
  words: Vocabulary,
  report: Report,
): { tests: PolicyTest[]; invariants: Invariant[] } {
  const tests: PolicyTest[] = [];
  const invariants: Invariant[] = [];
  for (const file of files) {
    for (const entry of file.entries(report) ?? []) {
      if (entry.name !== 'tests' && entry.name !== 'invariants') {
        report.add(
          'schema',
          entry.span,
          `\`${entry.name}\` is not a field here`,
          'a file of tests holds `tests:` and `invariants:`',
        );
        continue;
      }
      const list = file.value([entry.name], z.array(z.unknown()), report) ?? [];
      for (const [i, item] of list.entries()) {
        const path = [entry.name, i];
        if (entry.name === 'invariants') {
          const invariant = readInvariant(file, path, words, report);
          if (invariant) invariants.push(invariant);
          continue;
        }
        const check = (
          names: readonly string[],
          known: readonly string[],
          also: (text: string) => boolean = () => false,
        ) => checkNames(file.span(path), names, known, also, report);
        readTest(file, path, item, words, check, tests, report);
      }
    }
  }
  return { tests, invariants };
}

type Check = (names: readonly string[], known: readonly string[], also?: (text: string) => boolean) => boolean;
const isAddress = (text: string): boolean => parseAddress(text) !== null;
const isService = (text: string): boolean => parseService(text) !== null;

function readTest(
  file: YamlFile,
  path: (string | number)[],
  item: unknown,
  words: Vocabulary,
  check: Check,
  out: PolicyTest[],
  report: Report,
): void {
  const span = file.span(path);
  if (item !== null && typeof item === 'object' && 'class' in item) {
    const value = file.value(path, accessTest, report);
    if (!value) return;
    const expect = value.expect === 'reject' ? null : value.expect;
    const good = [
      check([value.class], words.classes),
      check([value.site], words.sites),
      check(expect ? [expect] : [], words.segments),
    ];
    if (good.every(Boolean))
      out.push({ kind: 'access', span, ...value, expect, at: value.at ? new Date(value.at) : null });
    return;
  }
  const value = file.value(path, flowTest, report);
  if (!value) return;
  const good = [
    check([value.from], words.principals, isAddress),
    check([value.to], words.principals, isAddress),
    check([value.app], words.applications, isService),
  ];
  if (good.every(Boolean)) out.push({ kind: 'flow', span, ...value, at: value.at ? new Date(value.at) : null });
}

function checkNames(
  span: SourceSpan,
  names: readonly string[],
  known: readonly string[],
  also: (text: string) => boolean,
  report: Report,
): boolean {
  const unknown = names.filter((name) => !known.includes(name) && !also(name));
  for (const name of unknown)
    report.add('unknown-name', span, `\`${name}\` is not declared`, didYouMean(name, known, 'correct the test'));
  return unknown.length === 0;
}
