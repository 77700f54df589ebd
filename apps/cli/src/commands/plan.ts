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
  type PolicyPlan,
} from '#plan';
import { PolicyChecker, type CheckedPolicy } from '#policy';
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
  const sideAt = (place: string): ChangeSide => ({ place, files: readPolicyAt(place) });
  const planned = planChange(sideAt(options.from), sideAt(options.to), readInstant(options.at), options);
  if (!planned.ok) {
    write(formatRefusal(planned.place, planned.diagnostics, format, formatting));
    return 1;
  }
  write(formatPlan(planned.plan, format, formatting));
  const { changed, summary } = planned.plan;
  return summary.testsBroken > 0 ? 1 : changed ? 2 : 0;
}

/** The texts of a policy, and how people call it. */
export interface ChangeSide {
  readonly place: string;
  readonly files: ReadonlyMap<string, string>;
}

export type PlannedChange =
  | {
      readonly ok: true;
      readonly plan: PolicyPlan;
      /** All of `to`, not only what is new. */
      readonly diagnostics: readonly Diagnostic[];
    }
  | { readonly ok: false; readonly place: string; readonly diagnostics: readonly Diagnostic[] };

/** What stands beside policies in a plan. */
export interface BesidePlan {
  readonly inventory?: string | undefined;
  readonly flows?: string | undefined;
}

/** A plan, or the first of policies and files that is refused. */
export function planChange(from: ChangeSide, to: ChangeSide, at: Date, beside: BesidePlan): PlannedChange {
  // The second is mostly the first: what it shares is loaded and compiled once.
  const checker = new PolicyChecker(checkPoint);
  const sides: PlannedSide[] = [];
  for (const { place, files } of [from, to]) {
    const checked = checker.check(files, at);
    if (!checked.ok) return { ok: false, place, diagnostics: checked.diagnostics };
    sides.push(sideOfPlan(checked.value));
  }
  return planBetween(sides[0]!, sides[1]!, beside);
}

/** Tests that fail are a part of the plan of their own. */
export function sideOfPlan({ diagnostics, ...checked }: CheckedPolicy): PlannedSide {
  return { ...checked, diagnostics: diagnostics.filter(({ code }) => code !== 'test-failed') };
}

export function planBetween(from: PlannedSide, to: PlannedSide, beside: BesidePlan): PlannedChange {
  const inventory =
    beside.inventory === undefined ? null : parseInventory(chunksOf(beside.inventory), beside.inventory);
  if (inventory && !inventory.ok) return { ok: false, place: beside.inventory!, diagnostics: inventory.diagnostics };
  const flows = beside.flows === undefined ? null : { file: beside.flows, text: chunksOf(beside.flows) };
  const planned = planPolicy({ from, to, inventory: inventory?.value ?? null, flows });
  if (!planned.ok) return { ok: false, place: beside.flows!, diagnostics: planned.diagnostics };
  return { ok: true, plan: planned.value, diagnostics: to.diagnostics };
}

function readFormat({ format, json }: PlanOptions): PlanFormat {
  const wanted = format ?? (json ? 'json' : 'human');
  const found = planFormats.find((name) => name === wanted);
  if (!found) throw new UsageError(`--format: \`${wanted}\` is not one of ${planFormats.join(', ')}`);
  if (json && found !== 'json') throw new UsageError('--json and --format ask for two formats; take one');
  return found;
}

export function readMaxBytes(text: string): number {
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
