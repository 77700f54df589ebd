import { formatAddress, parseAddress } from '#net';
import { z } from 'zod';
import type { Report } from '../codes.js';
import { segmentAt } from '../compile/access.js';
import type { NasSource, Policy, SegmentSource } from '../policy.js';
import type { RadiusServerEntry, ServerDownEntry } from '../snapshot.js';
import { namePattern } from './names.js';
import { known } from './network.js';
import type { Path, YamlFile } from './yaml-file.js';

const port = z.number().int().min(1).max(65_535);
const name = z.string().regex(namePattern, 'must be a name: a-z, 0-9 and -');

const entrySchema = z.strictObject({
  segment: z.string(),
  voice: z.string().optional(),
  keepAuthorized: z.boolean().default(true),
  servers: z.array(z.string()).min(1).optional(),
});

/** `none`: the switch does nothing of its own, and that is meant so. */
const entry = z.union([z.literal('none'), entrySchema], 'must be `none` or `{ segment: …, keepAuthorized: … }`');

export const serverDownSchema = z.strictObject({
  servers: z
    .record(name, z.strictObject({ address: z.string(), authPort: port.default(1812), acctPort: port.default(1813) }))
    .default({}),
  timeout: z.number().int().min(1).max(60).default(3),
  tries: z.number().int().min(1).max(10).default(2),
  deadTime: z.number().int().min(1).max(1440).default(5),
  probe: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/, 'must be a user name of letters, digits, - and _')
    .optional(),
  sites: z.record(z.string(), entry).default({}),
  nas: z.record(z.string(), entry).default({}),
});
type Written = z.infer<typeof serverDownSchema>;
type Entry = z.infer<typeof entrySchema>;
type Names = Pick<Policy, 'segments' | 'sites' | 'siteTree'>;

/**
 * network/server-down.yaml: what switches do by themselves while no RADIUS server answers, of which Cordon writes their
 * configuration. A switch's own entry counts, else that of its site or of the nearest site above. Which flows that leaves to
 * devices is not looked at here.
 */
export function readServerDown(
  file: YamlFile | null,
  switches: readonly NasSource[],
  names: Names,
  report: Report,
): readonly NasSource[] {
  if (!file || (file.entries(report) ?? []).length === 0) return switches;
  const value = file.value([], serverDownSchema, report);
  if (!value) return switches;
  const servers = readServers(file, value, report);
  const written = [
    ...Object.entries(value.sites).map(([site, one]) => ({ path: ['sites', site], entry: one })),
    ...Object.entries(value.nas).map(([nas, one]) => ({ path: ['nas', nas], entry: one })),
  ];
  for (const site of Object.keys(value.sites)) known(file, ['sites', site], site, names.sites.keys(), 'site', report);
  const switchNames = switches.map((nas) => nas.name);
  for (const nas of Object.keys(value.nas)) known(file, ['nas', nas], nas, switchNames, 'NAS', report);
  for (const { path, entry: one } of written) if (one !== 'none') checkEntry(file, path, one, value, names, report);
  return switches.map((nas) => {
    const found = entryFor(nas, value, names);
    if (!found || found.entry === 'none') return { ...nas, isLeftAlone: found?.entry === 'none' };
    return { ...nas, serverDown: resolve(file, nas, found.path, found.entry, { ...value, servers }, names, report) };
  });
}

function entryFor(nas: NasSource, { sites, nas: own }: Written, { siteTree }: Names) {
  if (Object.hasOwn(own, nas.name)) return { path: ['nas', nas.name], entry: own[nas.name]! };
  const near = [...siteTree.distances(nas.site)].sort(([, a], [, b]) => a - b).map(([site]) => site);
  const site = near.find((each) => Object.hasOwn(sites, each));
  return site === undefined ? null : { path: ['sites', site], entry: sites[site]! };
}

function readServers(file: YamlFile, { servers }: Written, report: Report): ReadonlyMap<string, RadiusServerEntry> {
  return new Map(
    Object.entries(servers).flatMap(([server, { address: text, authPort, acctPort }]) => {
      const address = parseAddress(text);
      if (address) return [[server, { name: server, address: formatAddress(address), authPort, acctPort }] as const];
      const path = ['servers', server, 'address'];
      report.add('bad-prefix', file.span(path), `\`${text}\` is no address`, 'write it as 10.0.8.10 or "fd10:8::10"');
      return [];
    }),
  );
}

/** What is wrong with an entry whatever switch it is for. */
function checkEntry(
  file: YamlFile,
  path: Path,
  { segment, voice, servers = [] }: Entry,
  value: Written,
  { segments }: Names,
  report: Report,
): void {
  known(file, [...path, 'segment'], segment, segments.keys(), 'segment', report);
  if (Object.keys(value.servers).length === 0) {
    const hint = 'name the bridges that the switches ask: `servers: { bridge-1: { address: 10.0.8.10 } }`';
    report.add('schema', file.span(path), '`servers` is missing', hint);
  }
  for (const [i, server] of servers.entries())
    known(file, [...path, 'servers', i], server, Object.keys(value.servers), 'server of this file', report);
  const critical = segments.get(segment);
  const why = critical && whyNotCritical(critical);
  if (why) report.add('server-down-segment', file.span([...path, 'segment']), `\`${segment}\` ${why[0]}`, why[1]);
  if (voice === undefined) return;
  known(file, [...path, 'voice'], voice, segments.keys(), 'segment', report);
  if (segments.get(voice)?.voice === false) {
    const hint = 'name a segment with `voice: true`, or leave `voice` out';
    report.add('server-down-segment', file.span([...path, 'voice']), `\`${voice}\` is not for telephones`, hint);
  }
}

/** The switch does not know who comes: what is there must count as one class, and be nobody's own. */
function whyNotCritical({ role, dedicatedTo, voice }: SegmentSource): readonly [summary: string, hint: string] | null {
  if (role === null)
    return [
      'has no role: a switch puts anybody there, and flow rules would not know what they count as',
      'give the segment a `role`, a class whose flow rules say what anybody may do then',
    ];
  if (dedicatedTo !== null)
    return [
      `is dedicated to \`${dedicatedTo}\`, and a switch would put anybody there`,
      'make a segment of its own for it',
    ];
  return voice ? ['is for telephones', 'name it under `voice`, and another segment here'] : null;
}

/** A dead RADIUS server must not put ventilators beside what is suspected, nor the other way round. */
export function reportQuarantineAsCritical(
  { nas, accessRules }: Pick<Policy, 'nas' | 'accessRules'>,
  report: Report,
): void {
  const quarantines = new Set(accessRules.flatMap((rule) => (rule.posture === 'quarantined' ? rule.segment : [])));
  const told = new Set<string>();
  for (const { name: switchName, span, serverDown } of nas) {
    if (!serverDown || !quarantines.has(serverDown.segment) || told.has(serverDown.segment)) continue;
    told.add(serverDown.segment);
    const summary = `\`${switchName}\` would put whoever comes while no RADIUS server answers into \`${serverDown.segment}\`, which holds quarantined devices`;
    report.add('server-down-segment', span, summary, 'make a segment of its own for it in network/server-down.yaml');
  }
}

function resolve(
  file: YamlFile,
  nas: NasSource,
  path: Path,
  { segment, voice, keepAuthorized, servers }: Entry,
  value: Omit<Written, 'servers'> & { readonly servers: ReadonlyMap<string, RadiusServerEntry> },
  names: Names,
  report: Report,
): ServerDownEntry | null {
  const vlanOf = (field: 'segment' | 'voice', of: string): number | null => {
    const at = segmentAt(names, of, nas.site);
    if (at || !names.segments.has(of)) return at?.vlan ?? null;
    const summary = `segment \`${of}\` does not exist at \`${nas.site}\`, where \`${nas.name}\` stands`;
    const hint = 'add the site to the segment, or give the switch an entry of its own under `nas`';
    report.add('server-down-segment', file.span([...path, field]), summary, hint);
    return null;
  };
  const vlan = vlanOf('segment', segment);
  const voiceVlan = voice === undefined ? null : vlanOf('voice', voice);
  const role = names.segments.get(segment)?.role ?? null;
  if (vlan === null || role === null) return null;
  const { timeout, tries, deadTime, probe = null } = value;
  return {
    servers: (servers ?? [...value.servers.keys()]).flatMap((server) => value.servers.get(server) ?? []),
    timeout,
    tries,
    deadTime,
    probe,
    segment,
    vlan,
    role,
    voice: voice === undefined || voiceVlan === null ? null : { segment: voice, vlan: voiceVlan },
    keepAuthorized,
  };
}
