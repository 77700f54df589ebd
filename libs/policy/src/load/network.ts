import { formatPrefix, type Prefix } from '#net';
import { z } from 'zod';
import type { Report } from '../codes.js';
import type { Declared, NasSource } from '../policy.js';
import type { EnforcementPointEntry } from '../snapshot.js';
import { readPrefix } from './catalog.js';
import { Namespace } from './names.js';
import { didYouMean } from './suggest.js';
import type { YamlFile } from './yaml-file.js';

const reference = /^(env:[A-Z][A-Z0-9_]*|file:.+)$/;
const port = z.number().int().min(1).max(65_535);

export const nasSchema = z.strictObject({
  description: z.string().optional(),
  address: z.string(),
  site: z.string(),
  profile: z.string(),
  secret: z.string(),
  aclEntries: z.number().int().min(1).optional(),
  portAcl: z.enum(['full', 'ipv4-only', 'none']).default('full'),
  coaPort: port.default(3799),
  sessionTimeout: z.number().int().min(60).max(604_800).default(28_800),
  ssidSites: z.record(z.string(), z.string()).default({}),
});

export const enforcementPointSchema = z.strictObject({
  description: z.string().optional(),
  driver: z.string(),
  site: z.string(),
  transport: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('simulated') }),
    z.strictObject({ kind: z.literal('local') }),
    z.strictObject({ kind: z.literal('netns'), namespace: z.string().regex(/^[A-Za-z0-9_.-]+$/) }),
    z.strictObject({
      kind: z.literal('ssh'),
      host: z.string(),
      port: port.default(22),
      user: z.string(),
      identity: z.string().regex(/^file:.+$/, 'must be file:PATH of the private key'),
      hostKey: z.string(),
    }),
  ]),
});

/** What the rest of Cordon can do; comes in as values so that the loader knows no driver and no profile itself. */
export interface Abilities {
  readonly nasProfiles: readonly string[];
  readonly drivers: readonly string[];
}

export function readNas(
  files: readonly YamlFile[],
  sites: ReadonlyMap<string, Declared>,
  able: Abilities,
  report: Report,
): NasSource[] {
  const out: NasSource[] = [];
  const names = new Namespace();
  for (const file of files) {
    for (const { name, span } of file.entries(report) ?? []) {
      if (!names.claim(name, span, report)) continue;
      const value = file.value([name], nasSchema, report);
      if (!value) continue;
      const prefix = readPrefix(file.span([name, 'address']), value.address, report);
      if (!reference.test(value.secret)) {
        const hint =
          'write "env:NAME" or "file:/run/secrets/…", and change the secret on the switch: what was in git is known';
        report.add(
          'secret-in-clear',
          file.span([name, 'secret']),
          `the secret of \`${name}\` is not a reference`,
          hint,
        );
      }
      known(file, [name, 'site'], value.site, sites.keys(), 'site', report);
      known(file, [name, 'profile'], value.profile, able.nasProfiles, 'NAS profile', report);
      for (const [ssid, site] of Object.entries(value.ssidSites)) {
        known(file, [name, 'ssidSites', ssid], site, sites.keys(), 'site', report);
      }
      const { description: _, address: __, aclEntries = null, ...rest } = value;
      if (prefix) out.push({ name, span, prefix, aclEntries, ...rest });
    }
  }
  reportSharedAddresses(out, report);
  return out;
}

export function readEnforcementPoints(
  files: readonly YamlFile[],
  sites: ReadonlyMap<string, Declared>,
  able: Abilities,
  report: Report,
): EnforcementPointEntry[] {
  const out: EnforcementPointEntry[] = [];
  const names = new Namespace();
  for (const file of files) {
    for (const { name, span } of file.entries(report) ?? []) {
      if (!names.claim(name, span, report)) continue;
      const value = file.value([name], enforcementPointSchema, report);
      if (!value) continue;
      known(file, [name, 'site'], value.site, sites.keys(), 'site', report);
      known(file, [name, 'driver'], value.driver, able.drivers, 'driver', report);
      out.push({ name, driver: value.driver, site: value.site, transport: value.transport });
    }
  }
  return out;
}

function known(
  file: YamlFile,
  path: string[],
  name: string,
  names: Iterable<string>,
  kind: string,
  report: Report,
): void {
  const all = [...names];
  if (all.includes(name)) return;
  report.add(
    'unknown-name',
    file.span(path),
    `\`${name}\` is not a ${kind}`,
    didYouMean(name, all, `use one of ${all.join(', ')}`),
  );
}

function reportSharedAddresses(list: readonly NasSource[], report: Report): void {
  const seen = new Map<string, NasSource>();
  const key = (prefix: Prefix): string => `${formatPrefix(prefix)} ${prefix.length}`;
  for (const nas of list) {
    const other = seen.get(key(nas.prefix));
    if (other) {
      const where = `${other.span.file}:${other.span.line}`;
      report.add(
        'nas-duplicate',
        nas.span,
        `\`${nas.name}\` has the address of \`${other.name}\` (${where})`,
        'a request is told by its source address: give each switch its own',
      );
    } else seen.set(key(nas.prefix), nas);
  }
}
