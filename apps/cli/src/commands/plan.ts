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
import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { registeredDevices, seenFlows, warnOfUnnamed } from '../controller-inputs.js';
import { bold, green, red, yellow } from '../output.js';
import { namedFile, readPolicyAt, UsageError, type NamedText } from '../policy-files.js';
import { readSince } from '../times.js';
import { readInstant } from './policy.js';

export interface PlanOptions extends ControllerArguments {
  readonly from: string;
  readonly to: string;
  readonly inventory?: string;
  readonly flows?: string;
  readonly since?: string;
  readonly at?: string;
  readonly format?: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly maxBytes?: string;
}

/** What a policy change will do. Exit codes: 0 nothing changes, 2 something changes, 1 refused, or a test of `to` is broken. */
export async function plan(options: PlanOptions): Promise<number> {
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
  const planned = planChange(
    sideAt(options.from),
    sideAt(options.to),
    readInstant(options.at),
    await besideOf(options),
  );
  if (!planned.ok) {
    write(formatRefusal(planned.place, planned.diagnostics, format, formatting));
    return 1;
  }
  write(formatPlan(planned.plan, format, formatting));
  const { changed, summary } = planned.plan;
  return summary.testsBroken > 0 ? 1 : changed ? 2 : 0;
}

/** What a change is judged with. */
export interface Beside {
  readonly inventory: NamedText | null;
  readonly flows: NamedText | null;
}

/** Paths of files. */
export interface BesideFiles {
  readonly inventory?: string | undefined;
  readonly flows?: string | undefined;
}

export const filesBeside = ({ inventory, flows }: BesideFiles): Beside => ({
  inventory: inventory === undefined ? null : namedFile(inventory),
  flows: flows === undefined ? null : namedFile(flows),
});

/** With --since, what no file is given for comes from the controller. */
async function besideOf(options: PlanOptions): Promise<Beside> {
  const files = filesBeside(options);
  if (options.since === undefined) return files;
  if (files.flows) throw new UsageError('--flows and --since name two sources of flows; take one');
  const since = readSince(options.since, new Date());
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const flows = await seenFlows(client, since);
  warnOfUnnamed(flows);
  return { inventory: files.inventory ?? (await registeredDevices(client)), flows };
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

/** A plan, or the first of policies and files that is refused. */
export function planChange(from: ChangeSide, to: ChangeSide, at: Date, beside: Beside): PlannedChange {
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

export function planBetween(from: PlannedSide, to: PlannedSide, beside: Beside): PlannedChange {
  const inventory = beside.inventory && parseInventory(beside.inventory.text, beside.inventory.file);
  if (inventory && !inventory.ok)
    return { ok: false, place: beside.inventory.file, diagnostics: inventory.diagnostics };
  const { flows } = beside;
  const planned = planPolicy({ from, to, inventory: inventory?.value ?? null, flows });
  if (!planned.ok) return { ok: false, place: flows!.file, diagnostics: planned.diagnostics };
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
