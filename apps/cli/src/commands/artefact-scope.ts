import { portTargets, siteTargets, type PortTarget, type SiteTarget } from '#artefacts';
import { checkPoint } from '#drivers';
import { postures } from '#model';
import { accessFor, buildSnapshot, type AccessGrant, type Snapshot } from '#policy';
import { readPolicyFolder, UsageError } from '../policy-files.js';
import { PolicyRefused } from './policy.js';

/** What `render` and `verify` ask for alike. */
export interface ScopeOptions {
  readonly policy: string;
  readonly target?: string;
  /** Not for targets of a whole site. */
  readonly class?: string;
  readonly site?: string;
  readonly posture: string;
  readonly at?: string;
  readonly json?: boolean;
}

export interface PortScope {
  readonly kind: 'port';
  readonly snapshot: Snapshot;
  readonly target: PortTarget;
  readonly grant: AccessGrant;
}

export interface SiteScope {
  readonly kind: 'site';
  readonly snapshot: Snapshot;
  readonly target: SiteTarget;
  readonly site: string;
}

/** For `--help`. */
export function listTargets(): string {
  const rows = [...portTargets.values(), ...siteTargets.values()].map(
    ({ name, description }) => `  ${name.padEnd(26)} ${description}`,
  );
  return `\nTargets:\n${rows.join('\n')}\n\ndocs/verifying-a-switch.md says what of each is modelled.`;
}

/** The policy of a folder, compiled for an instant. */
export function readSnapshot(folder: string, instant: string | undefined): Snapshot {
  const at = instant === undefined ? new Date() : new Date(instant);
  if (Number.isNaN(at.getTime())) throw new UsageError(`\`${instant}\` is not an instant; write 2026-12-01T08:00:00Z`);
  const built = buildSnapshot(readPolicyFolder(folder), at, checkPoint);
  if (!built.ok) throw new PolicyRefused(built.diagnostics, null);
  return built.value;
}

export function readScope({ target, site, ...options }: ScopeOptions): PortScope | SiteScope {
  if (target === undefined) throw new UsageError('--target is missing: the language of the switch, or --server-down');
  if (site === undefined) throw new UsageError('--site is missing');
  const ofPort = portTargets.get(target);
  const ofSite = siteTargets.get(target);
  if (!ofPort && !ofSite)
    throw new UsageError(notOneOf('target', target, [...portTargets.keys(), ...siteTargets.keys()]));
  const snapshot = readSnapshot(options.policy, options.at);
  mustBe('site', site, snapshot.sites);
  if (ofSite) return { kind: 'site', snapshot, target: ofSite, site };
  return { kind: 'port', snapshot, target: ofPort!, grant: grantOf(snapshot, site, options) };
}

function grantOf(snapshot: Snapshot, site: string, { class: name, posture }: ScopeOptions): AccessGrant {
  if (name === undefined) throw new UsageError('--class is missing: which devices are behind the port');
  mustBe('class', name, snapshot.classes);
  const known = postures.find((each) => each === posture);
  if (!known) throw new UsageError(notOneOf('posture', posture, postures));
  const grant = accessFor(snapshot, name, site, known);
  if (!grant) {
    const who = `\`${name}\` at \`${site}\`, ${posture}`;
    throw new UsageError(`no access rule matches ${who}: the device is rejected, so there is no ACL`);
  }
  return grant;
}

function mustBe(option: string, name: string, known: readonly { readonly name: string }[]): void {
  const names = known.map((each) => each.name);
  if (!names.includes(name)) throw new UsageError(notOneOf(option, name, names));
}

const notOneOf = (option: string, name: string, known: readonly string[]): string =>
  `--${option}: \`${name}\` is not one of ${known.join(', ')}`;
