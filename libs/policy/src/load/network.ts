import { factsOf } from '#model';
import { formatPrefix } from '#net';
import { z } from 'zod';
import type { Report } from '../codes.js';
import type { Declared, EnforcementPointSource, NasSource, ProxySource } from '../policy.js';
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

const filePath = z.string().regex(/^file:.+$/, 'must be file:PATH');
/** As Open vSwitch writes them (ovsdb(7), ovs-ofctl(8)). */
const connection = z
  .string()
  .regex(
    /^(unix:\/.+|(tcp|ssl):([^:\s]+|\[[0-9a-f:]+\]):\d{1,5})$/,
    'must be unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT',
  );

export const enforcementPointSchema = z.strictObject({
  description: z.string().optional(),
  driver: z.string(),
  site: z.string(),
  nas: z.string().optional(),
  options: z.record(z.string(), z.string()).default({}),
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
    z.strictObject({
      kind: z.literal('ovsdb'),
      ovsdb: connection,
      openflow: connection,
      tls: z.strictObject({ certificate: filePath, key: filePath, authority: filePath }).optional(),
    }),
    z.strictObject({
      kind: z.literal('kubernetes'),
      kubeconfig: z.union([z.literal('in-cluster'), filePath]),
      context: z.string().optional(),
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
        out.push({
          name,
          span,
          prefix,
          site,
          profile,
          aclEntries,
          portAcl,
          sessionTimeout,
          ssidSites,
          ...transport,
          serverDown: null,
          isLeftAlone: false,
        });
    }
  }
  reportSharedAddresses(out, report);
  return out;
}

export function readEnforcementPoints(
  files: readonly YamlFile[],
  sites: ReadonlyMap<string, Declared>,
  nasNames: readonly string[],
  able: Abilities,
  report: Report,
): EnforcementPointSource[] {
  const out: EnforcementPointSource[] = [];
  const names = new Namespace();
  for (const file of files) {
    for (const { name, span } of file.entries(report) ?? []) {
      if (!names.claim(name, span, report)) continue;
      const value = file.value([name], enforcementPointSchema, report);
      if (!value) continue;
      known(file, [name, 'site'], value.site, sites.keys(), 'site', report);
      known(file, [name, 'driver'], value.driver, able.drivers, 'driver', report);
      if (value.nas !== undefined) known(file, [name, 'nas'], value.nas, nasNames, 'NAS', report);
      checkAgainstDriver(file, name, value, report);
      const { driver, site, nas = null, transport, options } = value;
      out.push({ name, span, driver, site, nas, transport, options });
    }
  }
  return out;
}

/** What only the driver can say of its points: how they are reached and what else may be set. */
function checkAgainstDriver(
  file: YamlFile,
  name: string,
  { driver, nas, transport, options }: z.infer<typeof enforcementPointSchema>,
  report: Report,
): void {
  const facts = factsOf(driver);
  if (!facts) return;
  if (!facts.transports.includes(transport.kind))
    report.add(
      'point-not-reachable',
      file.span([name, 'transport', 'kind']),
      `driver \`${driver}\` can't be reached by \`${transport.kind}\``,
      `use one of ${facts.transports.join(', ')}`,
    );
  for (const { path, message } of facts.options.safeParse(options).error?.issues ?? [])
    report.add(
      'point-option',
      file.span([name, 'options', ...path.map(String)]),
      `driver \`${driver}\` does not take these options: ${[...path, message].join(' ')}`,
      'the README of the driver lists its options',
    );
  const ofSwitch = facts.enforces(options).filter((part) => part === 'lists' || part === 'ports');
  if (nas === undefined && ofSwitch.length > 0)
    report.add(
      'point-without-nas',
      file.span([name]),
      `driver \`${driver}\` enforces ${ofSwitch.join(' and ')} of a switch, and \`nas\` does not say of which`,
      'write `nas: NAME` with the name that the switch has in network/nas.yaml',
    );
}

export function known(
  file: YamlFile,
  path: Path,
  name: string,
  names: Iterable<string>,
  kind: string,
  report: Report,
): boolean {
  const all = [...names];
  if (all.includes(name)) return true;
  report.add(
    'unknown-name',
    file.span(path),
    `\`${name}\` is not a ${kind}`,
    didYouMean(name, all, `use one of ${all.join(', ')}`),
  );
  return false;
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
