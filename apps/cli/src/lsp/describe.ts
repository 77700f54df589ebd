import { assertNever } from '#base';
import { formatRange, formatServices, rangesOf, type AddressSet } from '#net';
import type { CheckedPolicy, NameSpace } from '#policy';
import { isMap, isScalar, parseDocument } from 'yaml';
import type { PolicyFolder } from './policy-folder.js';

/** Members of a list that are named; more are counted. */
const mostNamed = 12;

const listed = (all: readonly string[]): string =>
  `${all.slice(0, mostNamed).join(', ')}${all.length > mostNamed ? ` and ${all.length - mostNamed} more` : ''}`;

const addressText = (set: AddressSet): string => listed(rangesOf(set).map(formatRange)) || 'no address';

/** What a name stands for, by the last state that did load: what it is in the first line, then whatever there is to say. */
export function describeName(
  folder: PolicyFolder,
  about: { readonly space: NameSpace; readonly name: string },
): string[] {
  const { known } = folder;
  if (!known) return [];
  const lines = standsFor(known, about.space, about.name);
  return lines.length === 0 ? [] : [...lines, ...entryLines(folder, about)];
}

function standsFor({ policy, snapshot }: CheckedPolicy, space: NameSpace, name: string): string[] {
  const lineage = (label: string, names: readonly string[]): string[] =>
    names.length > 0 ? [`${label}: ${listed(names)}`] : [];
  switch (space) {
    case 'principal': {
      const members = lineage(
        'members',
        policy.principalTree.members(name).filter((one) => one !== name),
      );
      const above = lineage('belongs to', policy.principalTree.ancestors(name));
      const device = snapshot.classes.find((one) => one.name === name);
      if (device) return [`device class, ${device.criticality}`, ...above, ...members];
      const endpoint = snapshot.endpoints.find((one) => one.name === name);
      if (!endpoint) return [];
      const service = endpoint.kubernetes;
      const where = service ? [`service ${service.namespace}/${service.service} of ${service.cluster}`] : [];
      return [`endpoint: ${addressText(endpoint.addresses)}`, ...where, ...above, ...members];
    }
    case 'application': {
      const application = snapshot.applications.find((one) => one.name === name);
      if (!application) return [];
      const members = policy.applicationTree.members(name).filter((one) => one !== name);
      return [
        `application: ${formatServices(application.services)}`,
        ...lineage('belongs to', policy.applicationTree.ancestors(name)),
        ...lineage('members', members),
      ];
    }
    case 'segment': {
      const segment = snapshot.segments.find((one) => one.name === name);
      if (!segment) return [];
      const { dedicatedTo, role, sites } = segment;
      return [
        `segment${dedicatedTo === null ? '' : `, only for ${dedicatedTo}`}${role === null ? '' : `, counts as ${role}`}`,
        ...sites.map(({ site, vlan, prefixes }) => `${site}: VLAN ${vlan}, ${addressText(prefixes)}`),
      ];
    }
    case 'site':
      if (!policy.sites.has(name)) return [];
      return [
        'site',
        ...lineage('belongs to', policy.siteTree.ancestors(name)),
        ...lineage(
          'sites below',
          policy.siteTree.members(name).filter((one) => one !== name),
        ),
      ];
    case 'schedule': {
      const schedule = policy.schedules.get(name);
      if (!schedule) return [];
      const { days, from, to, timezone } = schedule;
      const names = days.map((day) => weekdays[day]!);
      return [`schedule: ${names.join(', ')} from ${clock(from)} to ${clock(to)}, ${timezone}`];
    }
    default:
      return assertNever(space);
  }
}

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const clock = (minutes: number): string =>
  `${`${Math.floor(minutes / 60)}`.padStart(2, '0')}:${`${minutes % 60}`.padStart(2, '0')}`;

/** Words for people that its catalog entry has. */
function entryLines(folder: PolicyFolder, about: { readonly space: NameSpace; readonly name: string }): string[] {
  const entry = folder.declarationsOf(about).find(({ file }) => file.startsWith('catalog/'));
  const text = entry && folder.files.get(entry.file);
  if (!text) return [];
  const { contents } = parseDocument(text, { prettyErrors: false });
  const value = isMap(contents) ? contents.get(about.name, true) : null;
  if (!isMap(value)) return [];
  return ['description', 'owner', 'source'].flatMap((field) => {
    const found = value.get(field, true);
    return isScalar(found) && typeof found.value === 'string' ? [`${field}: ${found.value}`] : [];
  });
}

/** What a line says after expansion; null where no rule of the last state that did load stands there. */
export function describeRule({ known }: PolicyFolder, file: string, line: number, raw: string): string[] | null {
  if (!known) return null;
  const { policy, snapshot } = known;
  const isHere = (rule: { file: string; line: number; text: string }): boolean =>
    rule.file === file && rule.line === line && rule.text === raw.trim();
  const flow = snapshot.flowRules.find(isHere);
  if (flow) {
    const end = (name: string): string => {
      const endpoint = snapshot.endpoints.find((one) => one.name === name);
      if (endpoint) return `${name} (${addressText(endpoint.addresses)})`;
      const below = policy.principalTree.members(name).filter((one) => one !== name);
      return below.length > 0 ? `${name} (also ${listed(below)})` : name;
    };
    const services = snapshot.applications.find((one) => one.name === flow.application)?.services ?? [];
    const denies = snapshot.flowRules.filter(
      (rule) => rule.effect === 'deny' && rule.active && isAround(known, rule, flow),
    );
    return [
      `${flow.effect === 'allow' ? 'allows' : 'denies'} ${flow.active ? '' : `(not now: ${flow.when}) `}connections`,
      `from ${end(flow.subject)}`,
      `to ${end(flow.object)}`,
      `for ${flow.application === 'any' ? 'any' : `${flow.application} (${formatServices(services)})`}`,
      ...(flow.effect === 'allow' && denies.length > 0
        ? [`denied all the same by ${listed(denies.map((rule) => `${rule.file}:${rule.line}`))}`]
        : []),
    ];
  }
  const access = snapshot.accessRules.find(isHere);
  if (!access) return null;
  const segment = snapshot.segments.find((one) => one.name === access.segment);
  const classes = policy.principalTree.members(access.class);
  const vlans = (segment?.sites ?? []).map(({ site, vlan }) => `VLAN ${vlan} at ${site}`);
  return [
    `places ${listed(classes)} at ${access.site}, ${access.posture}${access.active ? '' : ` (not now: ${access.when})`}`,
    `in ${access.segment}: ${listed(vlans) || 'nowhere'}`,
  ];
}

/** By names: a deny for a class, a group or an application above. */
function isAround({ policy }: CheckedPolicy, deny: Ends, allow: Ends): boolean {
  const { principalTree: people, applicationTree: services } = policy;
  return (
    people.belongs(allow.subject, deny.subject) &&
    people.belongs(allow.object, deny.object) &&
    services.belongs(allow.application, deny.application)
  );
}

interface Ends {
  readonly subject: string;
  readonly object: string;
  readonly application: string;
}
