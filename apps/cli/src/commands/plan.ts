import { existsSync, writeFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import type { Diagnostic } from '#base';
import { checkPoint } from '#drivers';
import {
  formatPlan,
  formatRefusal,
  parseInventory,
  planFormats,
  planPolicy,
  type FormatOptions,
  type PlanFormat,
  type PlannedSide,
} from '#plan';
import { pointFindings, PolicyCompiler, PolicyLoader, reviewPolicy } from '#policy';
import { bold, green, red, yellow } from '../output.js';
import { chunksOf, readPolicyAt, UsageError } from '../policy-files.js';
import { readInstant } from './policy.js';

export interface PlanOptions {
  readonly from: string;
  readonly to: string;
  readonly inventory?: string;
  readonly flows?: string;
  readonly at?: string;
  readonly format?: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly maxBytes?: string;
}

/** What a policy change will do. Exit codes: 0 nothing changes, 2 something changes, 1 refused, or a test of `to` is broken. */
export function plan(options: PlanOptions): number {
  const format = readFormat(options);
  const formatting: FormatOptions = {
    root: repositoryFolder(options.to),
    ...(options.maxBytes === undefined ? {} : { maxBytes: readMaxBytes(options.maxBytes) }),
    ...(options.out === undefined ? { paint: { bad: red, good: green, warn: yellow, strong: bold } } : {}),
  };
  const write = (text: string): void => {
    if (options.out === undefined) process.stdout.write(text);
    else writeFileSync(options.out, text);
  };
  const refuse = (place: string, diagnostics: readonly Diagnostic[]): number => {
    write(formatRefusal(place, diagnostics, format, formatting));
    return 1;
  };
  const at = readInstant(options.at);
  const sides: PlannedSide[] = [];
  // The second is mostly the first: what it shares is loaded and compiled once.
  const loader = new PolicyLoader();
  const compiler = new PolicyCompiler();
  for (const place of [options.from, options.to]) {
    const loaded = loader.load(readPolicyAt(place));
    if (!loaded.ok) return refuse(place, loaded.diagnostics);
    const compiled = compiler.compile(loaded.value, at);
    const found = [...loaded.diagnostics, ...compiled.diagnostics];
    if (!compiled.ok) return refuse(place, found);
    found.push(...pointFindings(loaded.value, compiled.value, checkPoint));
    const diagnostics = reviewPolicy(loaded.value, found, at);
    sides.push({ policy: loaded.value, snapshot: compiled.value, diagnostics });
  }
  const [from, to] = sides as [PlannedSide, PlannedSide];
  const inventory =
    options.inventory === undefined ? null : parseInventory(chunksOf(options.inventory), options.inventory);
  if (inventory && !inventory.ok) return refuse(options.inventory!, inventory.diagnostics);
  const flows = options.flows === undefined ? null : { file: options.flows, text: chunksOf(options.flows) };
  const planned = planPolicy({ from, to, inventory: inventory?.value ?? null, flows });
  if (!planned.ok) return refuse(options.flows!, planned.diagnostics);
  write(formatPlan(planned.value, format, formatting));
  const { changed, summary } = planned.value;
  return summary.testsBroken > 0 ? 1 : changed ? 2 : 0;
}

function readFormat({ format, json }: PlanOptions): PlanFormat {
  const wanted = format ?? (json ? 'json' : 'human');
  const found = planFormats.find((name) => name === wanted);
  if (!found) throw new UsageError(`--format: \`${wanted}\` is not one of ${planFormats.join(', ')}`);
  if (json && found !== 'json') throw new UsageError('--json and --format ask for two formats; take one');
  return found;
}

function readMaxBytes(text: string): number {
  const bytes = Number(text);
  if (!Number.isSafeInteger(bytes) || bytes < 1000)
    throw new UsageError(`--max-bytes: \`${text}\` is not a whole number from 1000`);
  return bytes;
}

/** Folder of the policy in its repository, with a slash, as far as it can be told: `policies/`. */
function repositoryFolder(place: string): string {
  const folder = existsSync(place) ? relative(process.cwd(), place) : (place.split(':')[1] ?? 'policies');
  const path = folder.split(sep).join('/').replace(/\/+$/, '');
  return path === '' || path === '.' || path.startsWith('..') ? '' : `${path}/`;
}
