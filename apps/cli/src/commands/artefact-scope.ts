import { portTargets, type PortTarget } from '#artefacts';
import { postures, type Posture } from '#model';
import { accessFor, buildSnapshot, type AccessGrant, type Snapshot } from '#policy';
import { readPolicyFolder, UsageError } from '../policy-files.js';
import { PolicyRefused } from './policy.js';

/** What `render` and `verify` ask for alike. */
export interface ScopeOptions {
  readonly policy: string;
  readonly target: string;
  readonly class: string;
  readonly site: string;
  readonly posture: string;
  readonly at?: string;
  readonly json?: boolean;
}

export interface ArtefactScope {
  readonly snapshot: Snapshot;
  readonly target: PortTarget;
  readonly grant: AccessGrant;
}

/** For `--help`. */
export function listTargets(): string {
  const rows = [...portTargets.values()].map(({ name, description }) => `  ${name.padEnd(26)} ${description}`);
  return `\nTargets:\n${rows.join('\n')}\n\ndocs/verifying-a-switch.md says what of each is modelled.`;
}

export function readScope(options: ScopeOptions): ArtefactScope {
  const at = options.at === undefined ? new Date() : new Date(options.at);
  if (Number.isNaN(at.getTime()))
    throw new UsageError(`\`${options.at}\` is not an instant; write 2026-12-01T08:00:00Z`);
  const target = portTargets.get(options.target);
  if (!target) throw new UsageError(notOneOf('target', options.target, [...portTargets.keys()]));
  const built = buildSnapshot(readPolicyFolder(options.policy), at);
  if (!built.ok) throw new PolicyRefused(built.diagnostics, null);
  const snapshot = built.value;
  const known = (option: string, name: string, names: readonly string[]): void => {
    if (!names.includes(name)) throw new UsageError(notOneOf(option, name, names));
  };
  known(
    'class',
    options.class,
    snapshot.classes.map(({ name }) => name),
  );
  known(
    'site',
    options.site,
    snapshot.sites.map(({ name }) => name),
  );
  known('posture', options.posture, postures);
  const grant = accessFor(snapshot, options.class, options.site, options.posture as Posture);
  if (!grant) {
    const who = `\`${options.class}\` at \`${options.site}\`, ${options.posture}`;
    throw new UsageError(`no access rule matches ${who}: the device is rejected, so there is no ACL`);
  }
  return { snapshot, target, grant };
}

const notOneOf = (option: string, name: string, known: readonly string[]): string =>
  `--${option}: \`${name}\` is not one of ${known.join(', ')}`;
