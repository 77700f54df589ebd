import type { SourceSpan } from '#base';
import {
  addressSet,
  allAddresses,
  anyService,
  noAddresses,
  parsePrefix,
  parseService,
  rangeOfPrefix,
  serviceAlgebra,
  subtractAddresses,
  type AddressSet,
  type Prefix,
  type ServiceSet,
} from '#net';
import { authorizationSteps, kubernetesLabel } from '#model';
import { z } from 'zod';
import type { Report } from '../codes.js';
import { usualLadders } from '../ladder.js';
import {
  builtIn,
  type ApplicationSource,
  type ClassSource,
  type Declared,
  type EndpointSource,
  type ScheduleSource,
  type SegmentSource,
  type WorkloadSource,
} from '../policy.js';
import { Namespace } from './names.js';
import type { Path, YamlFile } from './yaml-file.js';

/* The fields of each catalog file. `z.toJSONSchema` makes the editors' schemas of these. */
const text = z.string();
const about = { description: text.optional(), owner: text.optional(), source: text.optional() };

export const classSchema = z.strictObject({
  ...about,
  criticality: z.enum(['life-critical', 'high', 'standard']).default('standard'),
  dynamicAuthorization: z
    .array(z.enum(authorizationSteps))
    .min(1)
    .refine((steps) => new Set(steps).size === steps.length, 'names a step twice')
    .optional(),
});
export const endpointSchema = z
  .strictObject({
    ...about,
    addresses: z.array(text).min(1).optional(),
    kubernetes: z
      .strictObject({ cluster: text.optional(), namespace: kubernetesLabel, service: kubernetesLabel })
      .optional(),
  })
  .refine(
    ({ addresses, kubernetes }) => addresses !== undefined || kubernetes !== undefined,
    'an endpoint has `addresses`, or `kubernetes`, or both',
  );
export const applicationSchema = z.strictObject({ ...about, ports: z.array(text).min(1) });
export const siteSchema = z.strictObject({ ...about, timezone: text.optional() });
export const segmentSchema = z.strictObject({
  ...about,
  dedicatedTo: text.optional(),
  role: text.optional(),
  voice: z.boolean().default(false),
  sites: z.record(
    z.string(),
    z.strictObject({
      vlan: z.number().int().min(1).max(4094),
      prefixes: z.array(text),
      sgt: z.number().int().min(0).max(65_535).optional(),
    }),
  ),
});
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export const scheduleSchema = z.strictObject({
  ...about,
  days: z.array(z.enum(weekdays)),
  from: text,
  to: text,
  timezone: text,
});

/** As the catalog has it: where there is one cluster, it need not be named. */
export interface DeclaredWorkload extends Omit<WorkloadSource, 'cluster'> {
  readonly cluster: string | null;
}

export interface Catalog {
  readonly classes: Map<string, ClassSource>;
  readonly endpoints: Map<string, EndpointSource>;
  readonly applications: Map<string, ApplicationSource>;
  readonly segments: Map<string, SegmentSource>;
  readonly sites: Map<string, Declared>;
  readonly schedules: Map<string, ScheduleSource>;
  readonly workloads: DeclaredWorkload[];
}

export type CatalogKind = Exclude<keyof Catalog, 'workloads'>;
export const catalogKinds: readonly CatalogKind[] = [
  'classes',
  'endpoints',
  'applications',
  'segments',
  'sites',
  'schedules',
];

/** Reads every catalog file; entries with an error are left out, the report says why. */
export function readCatalog(files: readonly (readonly [CatalogKind, YamlFile])[], report: Report): Catalog {
  const catalog: Catalog = {
    classes: new Map(),
    endpoints: new Map(),
    applications: new Map(),
    segments: new Map(),
    sites: new Map(),
    schedules: new Map(),
    workloads: [],
  };
  // Classes and endpoints are both principals: one name never means two things in a rule.
  const principals = new Namespace([builtIn.internet]);
  const spaces: Record<CatalogKind, Namespace> = {
    classes: principals,
    endpoints: principals,
    applications: new Namespace([builtIn.anyApplication]),
    segments: new Namespace([builtIn.reject]),
    sites: new Namespace([builtIn.everywhere]),
    schedules: new Namespace([builtIn.always]),
  };
  for (const [kind, file] of files) {
    for (const { name, span } of file.entries(report) ?? []) {
      if (!spaces[kind].claim(name, span, report)) continue;
      if (kind === 'endpoints' && (name === builtIn.rootClass || name === builtIn.unknownClass)) {
        report.add('duplicate-name', span, `\`${name}\` is a built-in class`, 'choose another name');
      } else readers[kind](catalog, file, name, span, report);
    }
  }
  addBuiltIns(catalog);
  return catalog;
}

type Reader = (catalog: Catalog, file: YamlFile, name: string, span: SourceSpan, report: Report) => void;

const readers: Record<CatalogKind, Reader> = {
  classes(catalog, file, name, span, report) {
    const value = file.value([name], classSchema, report);
    if (!value) return;
    const { description = '', criticality, dynamicAuthorization = usualLadders[criticality] } = value;
    catalog.classes.set(name, { name, span, description, criticality, dynamicAuthorization });
  },
  endpoints(catalog, file, name, span, report) {
    const value = file.value([name], endpointSchema, report);
    if (!value) return;
    const { addresses: own = [], kubernetes, description = '' } = value;
    const addresses = readPrefixes(file, [name, 'addresses'], own, report);
    catalog.endpoints.set(name, { name, span, description, addresses });
    if (!kubernetes) return;
    const place = file.span([name, 'kubernetes']);
    if (name === builtIn.internal) {
      const hint = 'give it addresses alone: `internet` is everything outside them';
      report.add('schema', place, `\`${name}\` is no service`, hint);
    } else catalog.workloads.push({ endpoint: name, span: place, ...kubernetes, cluster: kubernetes.cluster ?? null });
  },
  applications(catalog, file, name, span, report) {
    const value = file.value([name], applicationSchema, report);
    if (!value) return;
    const services = readServices(file, [name, 'ports'], value.ports, report);
    catalog.applications.set(name, { name, span, description: value.description ?? '', services });
  },
  segments(catalog, file, name, span, report) {
    const value = file.value([name], segmentSchema, report);
    if (!value) return;
    const sites = Object.entries(value.sites).map(([site, at]) => {
      const path = [name, 'sites', site, 'prefixes'];
      const prefixes = readPrefixes(file, path, at.prefixes, report);
      if (prefixes.v4.length === 0 || prefixes.v6.length === 0) {
        const hint =
          'give it at least one IPv4 and one IPv6 prefix: a device with an address of the other family would escape the policy';
        report.add(
          'segment-one-family',
          file.span(path),
          `segment \`${name}\` at \`${site}\` lacks ${missing(prefixes)}`,
          hint,
        );
      }
      return { site, vlan: at.vlan, sgt: at.sgt ?? null, prefixes };
    });
    const { dedicatedTo = null, role = null, voice, description = '' } = value;
    catalog.segments.set(name, { name, span, description, dedicatedTo, role, voice, sites });
  },
  sites(catalog, file, name, span, report) {
    const value = file.value([name], siteSchema, report);
    if (value) catalog.sites.set(name, { name, span, description: value.description ?? '' });
  },
  schedules(catalog, file, name, span, report) {
    const value = file.value([name], scheduleSchema, report);
    if (!value) return;
    const from = readTime(file, [name, 'from'], value.from, report);
    const to = readTime(file, [name, 'to'], value.to, report);
    const zone = isTimezone(value.timezone);
    if (!zone) {
      report.add(
        'bad-schedule',
        file.span([name, 'timezone']),
        `\`${value.timezone}\` is not a time zone`,
        'write an IANA name, for example Europe/Berlin',
      );
    }
    if (from === null || to === null || !zone) return;
    if (value.days.length === 0) {
      const hint = `name at least one of ${weekdays.join(', ')}`;
      report.add('bad-schedule', file.span([name, 'days']), 'the schedule has no days', hint);
    }
    const days = value.days.map((day) => weekdays.indexOf(day));
    catalog.schedules.set(name, { name, span, days, from, to, timezone: value.timezone });
  },
};

const missing = (set: AddressSet): string =>
  set.v4.length + set.v6.length === 0 ? 'prefixes' : set.v4.length === 0 ? 'an IPv4 prefix' : 'an IPv6 prefix';

const prefixHints = {
  'not-an-address': 'write 10.10.4.20, 10.1.0.0/16 or fd10:4::20',
  'bad-length': 'the prefix length is 0-32 for IPv4, 0-128 for IPv6',
  'host-bits': 'clear the bits behind the prefix length, or write the longer prefix that you mean',
  'v4-mapped': 'write the IPv4 address itself: filters never see IPv4-mapped IPv6 on the wire',
} as const;

export function readPrefix(span: SourceSpan, written: string, report: Report): Prefix | null {
  const prefix = parsePrefix(written);
  if (typeof prefix !== 'string') return prefix;
  const what =
    { 'host-bits': 'has host bits set', 'v4-mapped': 'is IPv4-mapped IPv6' }[prefix as string] ??
    'is not an address or prefix';
  report.add('bad-prefix', span, `\`${written}\` ${what}`, prefixHints[prefix]);
  return null;
}

function readPrefixes(file: YamlFile, path: Path, list: readonly string[], report: Report): AddressSet {
  const ranges = list.flatMap((written, i) => {
    const prefix = readPrefix(file.span([...path, i]), written, report);
    return prefix ? [rangeOfPrefix(prefix)] : [];
  });
  return addressSet(ranges);
}

function readServices(file: YamlFile, path: Path, list: readonly string[], report: Report): ServiceSet {
  const found = list.flatMap((written, i) => {
    const service = written === builtIn.anyApplication ? null : parseService(written);
    if (!service) {
      report.add(
        'bad-service',
        file.span([...path, i]),
        `\`${written}\` is not a port`,
        'write tcp/443, udp/5000-5010, icmp/8, icmp6/128, tcp (all ports) or ip/50 (a protocol)',
      );
    }
    return service ? [service] : [];
  });
  return serviceAlgebra.normalize(found);
}

function readTime(file: YamlFile, path: Path, written: string, report: Report): number | null {
  const match = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(written);
  const minutes = match ? Number(match[1]) * 60 + Number(match[2]) : Number.NaN;
  if (minutes <= 24 * 60) return minutes;
  report.add(
    'bad-schedule',
    file.span(path),
    `\`${written}\` is not a time of day`,
    'write "07:00"; with quotes, "24:00" at most',
  );
  return null;
}

function isTimezone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function addBuiltIns(catalog: Catalog): void {
  const dynamicAuthorization = usualLadders.standard;
  const standard = { description: '', span: null, criticality: 'standard', dynamicAuthorization } as const;
  for (const name of [builtIn.rootClass, builtIn.unknownClass]) {
    if (!catalog.classes.has(name)) catalog.classes.set(name, { ...standard, name });
  }
  catalog.sites.set(builtIn.everywhere, { name: builtIn.everywhere, description: 'every site', span: null });
  const any = {
    name: builtIn.anyApplication,
    description: 'every protocol and port',
    span: null,
    services: anyService,
  };
  catalog.applications.set(any.name, any);
  const internal = catalog.endpoints.get(builtIn.internal)?.addresses ?? noAddresses;
  const addresses = subtractAddresses(allAddresses, internal);
  catalog.endpoints.set(builtIn.internet, {
    name: builtIn.internet,
    description: 'every address outside `internal`',
    span: null,
    addresses,
  });
}
