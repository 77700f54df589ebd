import { formatPrefix } from '#net';
import { z } from 'zod';
import type { Report } from '../codes.js';
import type { Declared, NasSource, ProxySource } from '../policy.js';
import type { EnforcementPointEntry } from '../snapshot.js';
import { readPrefix } from './catalog.js';
import { readTransport, transportFields } from './client-transport.js';
import { Namespace } from './names.js';
import { didYouMean } from './suggest.js';
import type { Path, YamlFile } from './yaml-file.js';

const port = z.number().int().min(1).max(65_535);

export const nasSchema = z.strictObject({
  description: z.string().optional(),
  address: z.string(),
  site: z.string(),
  profile: z.string(),
  aclEntries: z.number().int().min(1).optional(),
  portAcl: z.enum(['full', 'ipv4-only', 'none']).default('full'),
  sessionTimeout: z.number().int().min(60).max(604_800).default(28_800),
  ssidSites: z.record(z.string(), z.string()).default({}),
  ...transportFields,
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
      const transport = readTransport({ name, value }, file, report);
      known(file, [name, 'site'], value.site, sites.keys(), 'site', report);
      known(file, [name, 'profile'], value.profile, able.nasProfiles, 'NAS profile', report);
      for (const [ssid, site] of Object.entries(value.ssidSites)) {
        known(file, [name, 'ssidSites', ssid], site, sites.keys(), 'site', report);
      }
      const { site, profile, aclEntries = null, portAcl, sessionTimeout, ssidSites } = value;
      if (prefix && transport)
        out.push({ name, span, prefix, site, profile, aclEntries, portAcl, sessionTimeout, ssidSites, ...transport });
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

export function known(
  file: YamlFile,
  path: Path,
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

/** A request is told by its source address, a connection by its certificate. */
function reportSharedAddresses(list: readonly NasSource[], report: Report): void {
  const seen = new Map<string, NasSource>();
  for (const nas of list) {
    const { prefix, transport, certificate } = nas;
    const isConnection = transport === 'radsec' && certificate !== null;
    const key = isConnection
      ? `${certificate.from} ${certificate.name.toLowerCase()}`
      : `${formatPrefix(prefix)} ${prefix.length}`;
    const other = seen.get(key);
    if (other) {
      const where = `${other.span.file}:${other.span.line}`;
      report.add(
        'nas-duplicate',
        nas.span,
        `\`${nas.name}\` has the ${isConnection ? 'certificate' : 'address'} of \`${other.name}\` (${where})`,
        `${isConnection ? 'a connection is told by its certificate' : 'a request is told by its source address'}: give each switch its own`,
      );
    } else seen.set(key, nas);
  }
}

/** Who speaks RADIUS over TLS needs somebody who listens. */
export function reportUnservedRadsec(
  list: readonly NasSource[],
  proxies: readonly ProxySource[],
  report: Report,
): void {
  const overTls = [
    ...list.filter(({ transport, coaTransport }) => transport === 'radsec' || coaTransport === 'radsec'),
    ...proxies.filter(({ transport }) => transport === 'radsec'),
  ];
  for (const { name, span } of overTls) {
    const hint = 'add network/radsec.yaml: it says which certificate the bridge shows, and whose it believes';
    report.add('radsec-not-served', span, `\`${name}\` uses RADIUS over TLS, which is not set up`, hint);
  }
}
