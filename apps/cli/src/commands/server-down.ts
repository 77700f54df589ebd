import {
  isAsWanted,
  renderServerDown,
  verifyServerDown,
  type ServerDownArtefact,
  type SettingDifference,
} from '#artefacts';
import type { Result } from '#base';
import { compareText } from '#base';
import { sitesBelow, type NasEntry, type Snapshot } from '#policy';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bold, countOf, diagnosticJson, green, print, printDiagnostics, printJson, red, yellow } from '../output.js';
import { UsageError } from '../policy-files.js';
import { readSnapshot } from './artefact-scope.js';
import { printFindings } from './verification-text.js';

/** What `render --server-down` and `verify --server-down` ask for alike. */
interface ServerDownOptions {
  readonly policy: string;
  readonly nas?: string;
  readonly at?: string;
  readonly json?: boolean;
}

export interface RenderServerDownOptions extends ServerDownOptions {
  readonly site?: string;
  readonly all?: boolean;
  readonly out?: string;
}

interface Rendered {
  readonly nas: NasEntry;
  readonly result: Result<ServerDownArtefact>;
}

/** Prints what one switch does while no RADIUS server answers, or writes a file for each of several. */
export function renderForServerDown(options: RenderServerDownOptions): number {
  const snapshot = readSnapshot(options.policy, options.at);
  const chosen = switchesOf(snapshot, options);
  const rendered = chosen.flatMap((nas): Rendered[] => {
    const result = renderServerDown(snapshot, nas);
    return result ? [{ nas, result }] : [];
  });
  const silent = chosen.filter((nas) => !nas.serverDown).map(({ name }) => name);
  if (options.nas !== undefined && rendered.length === 0)
    throw new UsageError(`\`${options.nas}\` does nothing of its own then, says network/server-down.yaml`);
  if (options.out !== undefined) mkdirSync(options.out, { recursive: true });
  for (const { result } of rendered)
    if (options.out !== undefined && result.ok) writeFileSync(join(options.out, result.value.file), result.value.text);
  if (options.json) printJson(renderedJson(snapshot, rendered, silent));
  else printRendered(options, rendered, silent);
  return rendered.every(({ result }) => result.ok) ? 0 : 1;
}

/** In order of name, so that the same policy gives the same output. */
function switchesOf(snapshot: Snapshot, { nas, site, all, out, json }: RenderServerDownOptions): readonly NasEntry[] {
  if ([nas, site, all].filter((given) => given !== undefined).length !== 1)
    throw new UsageError('say which switches: one of --nas NAME, --site SITE and --all');
  if (nas !== undefined) return [switchOf(snapshot, nas)];
  if (out === undefined && !json) throw new UsageError('--out is missing: the folder for a file of each switch');
  const sites = site === undefined ? null : sitesOf(snapshot, site);
  return snapshot.nas.filter((each) => sites?.has(each.site) ?? true).sort((a, b) => compareText(a.name, b.name));
}

function switchOf({ nas }: Snapshot, name: string): NasEntry {
  const found = nas.find((each) => each.name === name);
  if (!found) throw new UsageError(`--nas: \`${name}\` is not one of ${nas.map((each) => each.name).join(', ')}`);
  return found;
}

function sitesOf(snapshot: Snapshot, site: string): ReadonlySet<string> {
  const names = snapshot.sites.map(({ name }) => name);
  if (!names.includes(site)) throw new UsageError(`--site: \`${site}\` is not one of ${names.join(', ')}`);
  return sitesBelow(snapshot, site);
}

function printRendered(
  { nas, out }: RenderServerDownOptions,
  rendered: readonly Rendered[],
  silent: readonly string[],
): void {
  for (const { nas: of, result } of rendered) {
    if (!result.ok) {
      print(red(`nothing is written for ${of.name}`));
      printDiagnostics(result.diagnostics);
    } else if (out === undefined) process.stdout.write(result.value.text);
    else print(join(out, result.value.file));
  }
  if (nas === undefined && silent.length > 0) print(yellow(`nothing of their own then: ${silent.join(', ')}`));
}

function renderedJson(
  { digest, nextChangeAt }: Snapshot,
  rendered: readonly Rendered[],
  silent: readonly string[],
): object {
  return {
    ok: rendered.every(({ result }) => result.ok),
    digest,
    nextChangeAt,
    switches: rendered.map(({ nas: { name, profile, site }, result }) => ({
      nas: name,
      profile,
      site,
      ...(result.ok ? result.value : { diagnostics: result.diagnostics.map(diagnosticJson) }),
    })),
    silent,
  };
}

export interface VerifyServerDownOptions extends ServerDownOptions {
  readonly file: string;
}

/** Compares a running-config with what is wanted. Exit 0: all of it is there; 2: it differs; 1: it can't be judged. */
export function verifyForServerDown(options: VerifyServerDownOptions, text: string): number {
  const { nas: name, file, json } = options;
  if (name === undefined) throw new UsageError('--nas is missing: of which switch the file is');
  const snapshot = readSnapshot(options.policy, options.at);
  const nas = switchOf(snapshot, name);
  const found = verifyServerDown(snapshot, nas, text);
  if (!found) {
    const why = nas.serverDown ? `Cordon has no words for profile \`${nas.profile}\`` : 'policy wants nothing of it';
    throw new UsageError(`\`${name}\` can't be compared: ${why}`);
  }
  if (!found.ok) {
    const named = found.diagnostics.map(({ span, ...rest }) => (span ? { ...rest, span: { ...span, file } } : rest));
    if (json) printJson({ ok: false, diagnostics: named.map(diagnosticJson) });
    else printDiagnostics(named);
    return 1;
  }
  const { settings, list } = found.value;
  const isEqual = isAsWanted(found.value);
  if (json) {
    const { tooMuch = [], tooLittle = [] } = list ?? {};
    const { digest } = snapshot;
    printJson({
      ok: true,
      equal: isEqual,
      nas: name,
      digest,
      settings,
      list: { tooMuch: tooMuch.length, tooLittle: tooLittle.length },
    });
  } else {
    for (const difference of settings) print(describeDifference(difference, file));
    printFindings(red('the list permits too much'), list?.tooMuch ?? [], file);
    printFindings(red('the list permits less than policy'), list?.tooLittle ?? [], file);
    const verdict = isEqual
      ? green('does what policy says while no RADIUS server answers')
      : red(
          `${countOf(settings.length, 'setting')} and ${countOf((list?.tooMuch.length ?? 0) + (list?.tooLittle.length ?? 0), 'packet set')} differ`,
        );
    print(`${bold(file)}: ${verdict}: ${name} (${nas.profile}), policy ${snapshot.digest.slice(0, 12)}`);
  }
  return isEqual ? 0 : 2;
}

function describeDifference({ kind, block, setting, found, line }: SettingDifference, file: string): string {
  const where = block === '' ? '' : ` in ${block}`;
  const at = line === null ? '' : `${file}:${line}: `;
  if (kind === 'missing') return `${red('missing')}${where}: ${setting}`;
  if (kind === 'too much') return `${at}${red('too much')}${where}: ${found}`;
  return `${at}${red('different')}${where}: ${found}, wanted ${setting}`;
}
