import type { Result } from '#base';
import {
  accessFor,
  compilePolicy,
  encodeSnapshot,
  formatCounterexample,
  loadPolicy,
  runPolicyTests,
  type Snapshot,
} from '#policy';
import { checkAuthorization, describeAttribute, nasProfile, nasProfileNames, renderAuthorization } from '#radius';
import { postures, type Posture } from '#model';
import { writeFileSync } from 'node:fs';
import { bold, countOf, green, print, printJson, red } from '../output.js';
import { readPolicyFolder, UsageError } from '../policy-files.js';

/* The commands that need nothing but policy files. Each answers with its exit code. */

export function compile(folder: string, options: { at?: string; out?: string; json?: boolean }): number {
  const snapshot = snapshotOf(readPolicyFolder(folder), readInstant(options.at));
  if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(encodeSnapshot(snapshot))}\n`);
  const counts = {
    classes: snapshot.classes.length,
    endpoints: snapshot.endpoints.length,
    applications: snapshot.applications.length,
    segments: snapshot.segments.length,
    sites: snapshot.sites.length,
    flowRules: snapshot.flowRules.length,
    accessRules: snapshot.accessRules.length,
    accessEntries: snapshot.accessTable.length,
    aclEntries: Object.values(snapshot.portAcls).reduce((sum, acl) => sum + acl.length, 0),
    switches: snapshot.nas.length,
    enforcementPoints: snapshot.enforcementPoints.length,
  };
  const { digest, compiledFor, nextChangeAt } = snapshot;
  if (options.json) printJson({ digest, compiledFor, nextChangeAt, counts });
  else {
    print(`${bold('digest')}       ${digest}`);
    print(`compiled for ${compiledFor}`);
    print(`next change  ${nextChangeAt ?? 'none'}`);
    for (const [name, count] of Object.entries(counts)) print(`  ${`${count}`.padStart(7)} ${name}`);
    if (options.out !== undefined) print(`written to ${options.out}`);
  }
  return 0;
}

export function access(options: {
  policy: string;
  class: string;
  site: string;
  posture: string;
  nas: string;
  at?: string;
  json?: boolean;
}): number {
  const snapshot = snapshotOf(readPolicyFolder(options.policy), readInstant(options.at));
  mustBeKnown(
    'class',
    options.class,
    snapshot.classes.map(({ name }) => name),
  );
  mustBeKnown(
    'site',
    options.site,
    snapshot.sites.map(({ name }) => name),
  );
  mustBeKnown('posture', options.posture, postures);
  mustBeKnown('nas', options.nas, nasProfileNames);
  const grant = accessFor(snapshot, options.class, options.site, options.posture as Posture);
  if (!grant) {
    const reason = 'no access rule matches: the device is rejected';
    if (options.json) printJson({ segment: null, vlan: null, attributes: [], rule: null, reason });
    else print(`${red('REJECT')}: ${reason}`);
    return 0;
  }
  const { segment, vlan, voice, sgt, role, rule } = grant;
  const acl = snapshot.portAcls[role] ?? [];
  const authorization = {
    vlan,
    voice,
    sgt,
    acl,
    role,
    portAcl: snapshot.nas.find(({ profile }) => profile === options.nas)?.portAcl ?? ('full' as const),
    sessionTimeout: sessionTimeoutOf(snapshot, options.site),
    class: Buffer.from('cordon'),
  };
  const profile = nasProfile(options.nas)!;
  const [finding] = checkAuthorization(profile, authorization, null);
  if (finding) {
    const { summary: reason, hint } = finding;
    if (options.json) printJson({ segment, vlan, attributes: [], rule: null, reason, hint });
    else print(`${red('CAN NOT BE TOLD')}: ${reason}\n  ${hint}`);
    return 1;
  }
  const attributes = renderAuthorization(profile, authorization).map(describeAttribute);
  if (options.json) printJson({ segment, vlan, role, attributes, rule: { file: rule.file, line: rule.line } });
  else {
    print(`${green('ACCEPT')}: segment ${bold(segment)}, VLAN ${vlan}, by ${rule.file}:${rule.line}`);
    print(`  ${rule.text}`);
    for (const { name, value } of attributes) print(`  ${name} = ${value}`);
  }
  return 0;
}

const sessionTimeoutOf = (snapshot: Snapshot, site: string): number =>
  snapshot.nas.find((nas) => nas.site === site)?.sessionTimeout ?? 28_800;

export function test(folder: string, options: { json?: boolean }): number {
  const policy = orThrow(loadPolicy(readPolicyFolder(folder)));
  const snapshot = orThrow(compilePolicy(policy, new Date()));
  const failures = runPolicyTests(policy, snapshot);
  if (options.json) {
    const list = failures.map(({ span, rules, ...failed }) => ({
      ...failed,
      file: span.file,
      line: span.line,
      rules: rules.map(({ file, line, text }) => ({ file, line, text })),
    }));
    printJson({
      ok: failures.length === 0,
      tests: policy.tests.length,
      invariants: policy.invariants.length,
      failures: list,
    });
  } else {
    for (const { name, span, summary, counterexample, rules, at } of failures) {
      print(`${red('FAIL')} ${span.file}:${span.line} ${name}\n     ${summary}`);
      if (counterexample) print(`     ${counterexample.kind} ${formatCounterexample(counterexample)}, at ${at}`);
      for (const { file, line, text } of rules) print(`     ${file}:${line}  ${text}`);
    }
    print(
      `${countOf(policy.tests.length, 'test')}, ${countOf(policy.invariants.length, 'invariant')}: ${failures.length === 0 ? green('all hold') : red(countOf(failures.length, 'failure'))}`,
    );
  }
  return failures.length === 0 ? 0 : 1;
}

/** The diagnostics of a refused policy, or of another file, for the top level to print. */
export class PolicyRefused extends Error {
  constructor(
    readonly diagnostics: Result<unknown>['diagnostics'],
    readonly place: string | null,
    readonly what = 'policy',
  ) {
    super(`${what} is refused`);
  }
}

export function orThrow<T>(result: Result<T>, place: string | null = null, what?: string): T {
  if (!result.ok) throw new PolicyRefused(result.diagnostics, place, what);
  return result.value;
}

export function snapshotOf(files: ReadonlyMap<string, string>, at: Date, place: string | null = null): Snapshot {
  const policy = orThrow(loadPolicy(files), place);
  return orThrow(compilePolicy(policy, at), place);
}

export function readInstant(text: string | undefined): Date {
  const at = text === undefined ? new Date() : new Date(text);
  if (Number.isNaN(at.getTime())) throw new UsageError(`\`${text}\` is not an instant; write 2026-12-01T08:00:00Z`);
  return at;
}

export function mustBeKnown(option: string, name: string, known: readonly string[]): void {
  if (!known.includes(name)) throw new UsageError(`--${option}: \`${name}\` is not one of ${known.join(', ')}`);
}
