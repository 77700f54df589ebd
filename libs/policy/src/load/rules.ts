import { sha256, type SourceSpan } from '#base';
import { postures, type Posture } from '#model';
import type { Report } from '../codes.js';
import { Hierarchy } from '../hierarchy.js';
import { builtIn, maxMembershipLinks, type AccessRuleSource, type FlowRuleSource, type RuleSource } from '../policy.js';
import { parseUntil, type When } from '../when.js';
import type { Catalog } from './catalog.js';
import { nameHint, namePattern } from './names.js';
import type { Field, LineType, RawLine } from './rule-lines.js';
import { didYouMean, suggest } from './suggest.js';

export interface Trees {
  readonly principals: Hierarchy;
  readonly applications: Hierarchy;
  readonly sites: Hierarchy;
}

/** Reads the `g`, `g2` and `g3` lines. Groups of endpoints and of applications are declared by having a member. */
export function readMemberships(lines: readonly RawLine[], catalog: Catalog, report: Report): Trees {
  reportDuplicates(
    lines.filter(({ type }) => type !== 'p' && type !== 'p2'),
    report,
  );
  const links = (type: LineType): RawLine[] => lines.filter((line) => line.type === type);
  return {
    principals: readTree(
      links('g'),
      groupsOf(links('g'), catalog.endpoints),
      catalog.classes,
      catalog.endpoints,
      builtIn.rootClass,
      report,
    ),
    applications: readTree(
      links('g2'),
      groupsOf(links('g2'), catalog.applications),
      catalog.applications,
      null,
      builtIn.anyApplication,
      report,
    ),
    sites: readTree(links('g3'), new Set(), catalog.sites, null, builtIn.everywhere, report),
  };
}

/** Names that are the group of a declared (or already found) member. */
function groupsOf(lines: readonly RawLine[], declared: ReadonlyMap<string, unknown>): Set<string> {
  const groups = new Set<string>();
  for (let grown = -1; grown !== groups.size;) {
    grown = groups.size;
    for (const { fields } of lines) {
      const [member, group] = fields.map(({ text }) => text);
      if (group !== undefined && !declared.has(group) && (declared.has(member!) || groups.has(member!)))
        groups.add(group);
    }
  }
  return groups;
}

function readTree(
  lines: readonly RawLine[],
  groups: ReadonlySet<string>,
  roots: ReadonlyMap<string, unknown>,
  others: ReadonlyMap<string, unknown> | null,
  root: string,
  report: Report,
): Hierarchy {
  const known = [...roots.keys(), ...(others?.keys() ?? []), ...groups];
  const links: [string, string][] = [];
  for (const { fields } of lines) {
    const [member, group] = fields as [Field, Field];
    const unknown = [member, group].filter(({ text }) => !known.includes(text));
    for (const field of unknown) reportUnknown(field, known, 'declare it in catalog/', report);
    if (unknown.length > 0 || !isGroupName(group, report)) continue;
    if (member.text === root) {
      const hint = 'remove this line: every name belongs to it already';
      report.add('membership-cycle', member.span, `\`${root}\` is the root and belongs to nothing`, hint);
    } else if (others && (group.text === builtIn.internet || group.text === builtIn.internal)) {
      const hint = `add the addresses to \`${builtIn.internal}\` in catalog/endpoints.yaml instead`;
      report.add('unknown-name', group.span, `\`${group.text}\` is no group: it takes no members`, hint);
    } else if (others && roots.has(member.text) !== roots.has(group.text)) {
      const hint = 'a class belongs to classes, an endpoint to endpoints and their groups';
      report.add('unknown-name', group.span, `\`${member.text}\` and \`${group.text}\` are not of one kind`, hint);
    } else if (member.text === group.text) {
      report.add('membership-cycle', member.span, `\`${member.text}\` belongs to itself`, 'remove this line');
    } else links.push([member.text, group.text]);
  }
  const declared = new Hierarchy(links);
  reportDepth(lines, declared, report);
  for (const name of [...roots.keys(), ...(others ? [] : groups)]) {
    if (name !== root && declared.parents(name).length === 0) links.push([name, root]);
  }
  return new Hierarchy(links);
}

/** A group is declared by a membership, so its name is checked there. */
function isGroupName({ text, span }: Field, report: Report): boolean {
  if (namePattern.test(text)) return true;
  report.add('bad-name', span, `\`${text}\` is not a name`, nameHint);
  return false;
}

function reportDepth(lines: readonly RawLine[], tree: Hierarchy, report: Report): void {
  const cycles = new Set<string>();
  for (const { fields, span } of lines) {
    const [member, group] = fields.map(({ text }) => text) as [string, string];
    if (member !== group && tree.belongs(group, member) && !cycles.has(group)) {
      const chain = [member, ...(tree.path(group, member) ?? [])].join(' → ');
      report.add('membership-cycle', span, `\`${member}\` belongs to itself: ${chain}`, 'remove one line of the cycle');
      for (const name of tree.path(group, member) ?? []) cycles.add(name);
    }
  }
  if (cycles.size > 0) return;
  const depth = new Map<string, number>();
  // One link is left for the built-in root above the chain.
  const longest = (name: string): number => {
    const known = depth.get(name);
    if (known !== undefined) return known;
    const links = tree.parents(name).reduce((most, parent) => Math.max(most, longest(parent) + 1), 0);
    depth.set(name, links);
    return links;
  };
  for (const { fields } of lines) {
    const member = fields[0]!;
    if (tree.children(member.text).length > 0 || longest(member.text) < maxMembershipLinks) continue;
    const hint = `keep chains under ${maxMembershipLinks} links: Casbin silently stops following them there, so a deny further up would be lost`;
    report.add(
      'membership-too-deep',
      member.span,
      `\`${member.text}\` has a chain of ${longest(member.text)} memberships above it`,
      hint,
    );
  }
}

export function readFlowRules(
  lines: readonly RawLine[],
  catalog: Catalog,
  trees: Trees,
  report: Report,
): FlowRuleSource[] {
  const own = lines.filter(({ type }) => type === 'p');
  reportDuplicates(own, report);
  const principals = namesOf(trees.principals, catalog.classes, catalog.endpoints);
  const applications = namesOf(trees.applications, catalog.applications);
  return own.flatMap((line) => {
    const [subject, object, application, effect, when, note] = line.fields as [
      Field,
      Field,
      Field,
      Field,
      Field,
      Field,
    ];
    const good = [
      knownName(subject, principals, 'declare it in catalog/classes.yaml or catalog/endpoints.yaml', report),
      knownName(object, principals, 'declare it in catalog/classes.yaml or catalog/endpoints.yaml', report),
      knownName(application, applications, 'declare it in catalog/applications.yaml', report),
    ].every(Boolean);
    if (effect.text !== 'allow' && effect.text !== 'deny') {
      report.add(
        'bad-effect',
        effect.span,
        `\`${effect.text}\` is not an effect`,
        'write allow or deny, in lower case: Casbin ignores any other word',
      );
    }
    const condition = readWhen(when, catalog, report);
    if (!good || !condition || (effect.text !== 'allow' && effect.text !== 'deny')) return [];
    const rule = ruleOf(line, condition, note.text);
    return [
      { ...rule, subject: subject.text, object: object.text, application: application.text, effect: effect.text },
    ];
  });
}

export function readAccessRules(lines: readonly RawLine[], catalog: Catalog, report: Report): AccessRuleSource[] {
  const own = lines.filter(({ type }) => type === 'p2');
  reportDuplicates(own, report);
  const names = {
    classes: [...catalog.classes.keys()],
    sites: [...catalog.sites.keys()],
    segments: [...catalog.segments.keys()],
  };
  return own.flatMap((line) => {
    const [device, site, posture, segment, when, note] = line.fields as [Field, Field, Field, Field, Field, Field];
    const good = [
      knownName(device, names.classes, 'declare it in catalog/classes.yaml', report),
      knownName(site, names.sites, 'declare it in catalog/sites.yaml', report),
      knownName(segment, names.segments, 'declare it in catalog/segments.yaml', report),
    ].every(Boolean);
    if (!isPosture(posture.text)) {
      const hint = didYouMean(posture.text, postures, `use one of ${postures.join(', ')}`);
      report.add('bad-posture', posture.span, `\`${posture.text}\` is not a posture`, hint);
    }
    const condition = readWhen(when, catalog, report);
    if (!good || !condition || !isPosture(posture.text)) return [];
    const rule = ruleOf(line, condition, note.text);
    return [{ ...rule, class: device.text, site: site.text, posture: posture.text, segment: segment.text }];
  });
}

function ruleOf(line: RawLine, when: When, note: string): RuleSource {
  const words = [line.type, ...line.fields.map(({ text }) => text)];
  return { id: sha256(JSON.stringify(words)).slice(0, 12), span: line.span, text: line.text, when, note };
}

/** Declared names and the groups that memberships made. */
export function namesOf(tree: Hierarchy, ...declared: ReadonlyMap<string, unknown>[]): string[] {
  const names = new Set(declared.flatMap((map) => [...map.keys()]));
  for (const name of names) for (const group of tree.ancestors(name)) names.add(group);
  return [...names];
}

function knownName(field: Field, names: readonly string[], hint: string, report: Report): boolean {
  if (names.includes(field.text)) return true;
  reportUnknown(field, names, hint, report);
  return false;
}

function reportUnknown(field: Field, names: readonly string[], hint: string, report: Report): void {
  report.add('unknown-name', field.span, `\`${field.text}\` is not declared`, didYouMean(field.text, names, hint));
}

function readWhen(field: Field, catalog: Catalog, report: Report): When | null {
  if (field.text === 'always') return { kind: 'always' };
  const until = parseUntil(field.text);
  if (until) return until;
  if (catalog.schedules.has(field.text)) return { kind: 'schedule', name: field.text };
  const nearest = suggest(field.text, ['always', ...catalog.schedules.keys()]);
  const hint = `${nearest ? `did you mean \`${nearest}\`? ` : ''}write always, the name of a schedule, or until 2027-03-31`;
  report.add('bad-when', field.span, `\`${field.text}\` is not a condition`, hint);
  return null;
}

function isPosture(text: string): text is Posture {
  return (postures as readonly string[]).includes(text);
}

/** Two lines are the same when only their notes differ. */
function reportDuplicates(lines: readonly RawLine[], report: Report): void {
  const seen = new Map<string, SourceSpan>();
  for (const { type, fields, span } of lines) {
    const words = fields.map(({ text }) => text);
    const key = JSON.stringify([type, ...(type.startsWith('p') ? words.slice(0, -1) : words)]);
    const earlier = seen.get(key);
    if (earlier)
      report.add(
        'duplicate-rule',
        span,
        `the same rule stands at ${earlier.file}:${earlier.line}`,
        'remove one of the two lines',
      );
    else seen.set(key, span);
  }
}
