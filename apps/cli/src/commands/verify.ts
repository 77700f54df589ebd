import { describePart, isEqual, verifyFilter, type Finding, type Verification } from '#artefacts';
import type { Diagnostic } from '#base';
import { formatAddress, PacketSpace } from '#net';
import { enforcementRules } from '#policy';
import { existsSync, readFileSync } from 'node:fs';
import { text as readStream } from 'node:stream/consumers';
import { bold, countOf, diagnosticJson, green, print, printDiagnostics, printJson, red, yellow } from '../output.js';
import { UsageError } from '../policy-files.js';
import { readScope, type PortScope, type ScopeOptions, type SiteScope } from './artefact-scope.js';
import { verifyForServerDown } from './server-down.js';
import { printFindings } from './verification-text.js';

interface VerifyOptions extends ScopeOptions {
  readonly serverDown?: boolean;
  readonly nas?: string;
  readonly file: string;
  readonly list?: readonly string[];
}

/** Proves or refutes a configuration of any origin. Exit 0: it does what policy says; 2: it does not; 1: it can't be read. */
export async function verify(options: VerifyOptions): Promise<number> {
  if (options.serverDown) return verifyForServerDown(options, await readInput(options.file));
  const scope = readScope(options);
  const text = await readInput(options.file);
  return scope.kind === 'port' ? verifyPort(options, scope, text) : verifySite(options, scope, text);
}

function verifyPort(options: VerifyOptions, scope: PortScope, text: string): number {
  const parsed = scope.target.parse(text, options.list ? { lists: options.list } : {});
  if (!parsed.ok) return refuse(options, parsed.diagnostics);
  const verification = verifyFilter(new PacketSpace(), scope.snapshot, scope.grant, parsed.value);
  if (options.json) printJson(verificationJson(scope, verification));
  else printVerification(options, scope, verification);
  return isEqual(verification) ? 0 : 2;
}

function verifySite(options: VerifyOptions, { snapshot, target, site }: SiteScope, text: string): number {
  const found = target.verify(enforcementRules(snapshot, site), text);
  if (!found.ok) return refuse(options, found.diagnostics);
  const difference = found.value?.summary ?? null;
  const { digest } = snapshot;
  if (options.json) printJson({ ok: true, equal: difference === null, target: target.name, digest, site, difference });
  else {
    const verdict = difference === null ? green('does what policy says') : red(difference);
    print(
      `${bold(options.file)}: ${verdict}: site ${site}, policy ${digest.slice(0, 12)}; members of its sets are not looked at`,
    );
  }
  return difference === null ? 0 : 2;
}

function refuse({ file, target, json }: VerifyOptions, diagnostics: readonly Diagnostic[]): number {
  const named = diagnostics.map(({ span, ...rest }) => (span ? { ...rest, span: { ...span, file } } : rest));
  if (json) printJson({ ok: false, diagnostics: named.map(diagnosticJson) });
  else {
    printDiagnostics(named);
    print(red(`${file} can't be read as ${target}: nothing is proved`));
  }
  return 1;
}

async function readInput(file: string): Promise<string> {
  if (file === '-') return readStream(process.stdin);
  if (!existsSync(file)) throw new UsageError(`there is no file \`${file}\``);
  return readFileSync(file, 'utf8');
}

function printVerification({ file }: VerifyOptions, { snapshot, grant }: PortScope, found: Verification): void {
  const { tooMuch, tooLittle, limits } = found;
  const who = `${grant.class} at ${grant.site}, ${grant.posture} (rules of \`${grant.role}\`, segment ${grant.segment})`;
  printFindings(red('permits too much'), tooMuch, file);
  printFindings(red('permits less than policy'), tooLittle, file);
  printFindings(yellow('policy allows it, but no port ACL can permit just that'), limits, file);
  const verdict = isEqual(found)
    ? green('does what policy says')
    : red(`${countOf(tooMuch.length, 'set')} too much, ${countOf(tooLittle.length, 'set')} too little`);
  print(`${bold(file)}: ${verdict}: ${who}, policy ${snapshot.digest.slice(0, 12)}`);
}

function verificationJson({ snapshot, target, grant }: PortScope, found: Verification): object {
  const { role, segment, site, posture } = grant;
  return {
    ok: true,
    equal: isEqual(found),
    target: target.name,
    digest: snapshot.digest,
    class: grant.class,
    site,
    posture,
    role,
    segment,
    permitsTooMuch: found.tooMuch.map(findingJson),
    permitsTooLittle: found.tooLittle.map(findingJson),
    limits: found.limits.map(findingJson),
  };
}

function findingJson({ part, packet, line, policy }: Finding): object {
  const { source, destination, protocol, port, sourcePort, established } = packet;
  return {
    set: describePart(part),
    packet: {
      source: formatAddress(source),
      destination: formatAddress(destination),
      protocol,
      port,
      sourcePort,
      established,
    },
    decidedBy: line && { line: line.at, text: line.text.trim() },
    policy: {
      verdict: policy.verdict,
      reason: policy.reason,
      rules: policy.rules.map(({ file, line: number, text }) => ({ file, line: number, text })),
    },
  };
}
