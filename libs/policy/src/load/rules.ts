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
    for (const { words } of lines) {
      const [member, group] = words;
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
  const known = new Set([...roots.keys(), ...(others?.keys() ?? []), ...groups]);
  const links: [string, string][] = [];
  for (const { fields } of lines) {
    const [member, group] = fields as [Field, Field];
    const unknown = [member, group].filter(({ text }) => !known.has(text));
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
  for (const { words, span } of lines) {
    const [member, group] = words as [string, string];
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

/** The names that rules may use. */
export interface RuleWords {
  readonly principals: ReadonlySet<string>;
  readonly applications: ReadonlySet<string>;
  readonly classes: ReadonlySet<string>;
  readonly sites: ReadonlySet<string>;
  readonly segments: ReadonlySet<string>;
  readonly schedules: ReadonlySet<string>;
}

/** Reads one `p` line; null after an error. */
export function readFlowRule(line: RawLine, names: RuleWords, report: Report): FlowRuleSource | null {
  const [subject, object, application, effect, when, note] = line.words as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const condition = parseWhen(when, names.schedules);
  if (
    names.principals.has(subject) &&
    names.principals.has(object) &&
    names.applications.has(application) &&
    (effect === 'allow' || effect === 'deny') &&
    condition
  )
    return { ...ruleOf(line, condition, note), subject, object, application, effect };
  const fields = line.fields as readonly [Field, Field, Field, Field, Field, Field];
  const principal = 'declare it in catalog/classes.yaml or catalog/endpoints.yaml';
  checkName(fields[0], names.principals, principal, report);
  checkName(fields[1], names.principals, principal, report);
  checkName(fields[2], names.applications, 'declare it in catalog/applications.yaml', report);
  if (effect !== 'allow' && effect !== 'deny') {
    const hint = 'write allow or deny, in lower case: Casbin ignores any other word';
    report.add('bad-effect', fields[3].span, `\`${effect}\` is not an effect`, hint);
  }
  if (!condition) reportWhen(fields[4], names.schedules, report);
  return null;
}

/** Reads one `p2` line; null after an error. */
export function readAccessRule(line: RawLine, names: RuleWords, report: Report): AccessRuleSource | null {
  const [device, site, posture, segment, when, note] = line.words as [string, string, string, string, string, string];
  const condition = parseWhen(when, names.schedules);
  if (
    names.classes.has(device) &&
    names.sites.has(site) &&
    isPosture(posture) &&
    names.segments.has(segment) &&
    condition
  )
    return { ...ruleOf(line, condition, note), class: device, site, posture, segment };
  const fields = line.fields as readonly [Field, Field, Field, Field, Field, Field];
  checkName(fields[0], names.classes, 'declare it in catalog/classes.yaml', report);
  checkName(fields[1], names.sites, 'declare it in catalog/sites.yaml', report);
  checkName(fields[3], names.segments, 'declare it in catalog/segments.yaml', report);
  if (!isPosture(posture)) {
    const hint = didYouMean(posture, postures, `use one of ${postures.join(', ')}`);
    report.add('bad-posture', fields[2].span, `\`${posture}\` is not a posture`, hint);
  }
  if (!condition) reportWhen(fields[4], names.schedules, report);
  return null;
}

function ruleOf(line: RawLine, when: When, note: string): RuleSource {
  return { id: line.id, span: line.span, text: line.text, when, note };
}

/** Declared names and the groups that memberships made. */
export function namesOf(tree: Hierarchy, ...declared: ReadonlyMap<string, unknown>[]): string[] {
  const names = new Set(declared.flatMap((map) => [...map.keys()]));
  for (const name of names) for (const group of tree.ancestors(name)) names.add(group);
  return [...names];
}

function checkName(field: Field, names: ReadonlySet<string>, hint: string, report: Report): void {
  if (!names.has(field.text)) reportUnknown(field, names, hint, report);
}

function reportUnknown(field: Field, names: Iterable<string>, hint: string, report: Report): void {
  report.add('unknown-name', field.span, `\`${field.text}\` is not declared`, didYouMean(field.text, names, hint));
}

const always: When = { kind: 'always' };

function parseWhen(text: string, schedules: ReadonlySet<string>): When | null {
  if (text === 'always') return always;
  return parseUntil(text) ?? (schedules.has(text) ? { kind: 'schedule', name: text } : null);
}

function reportWhen({ text, span }: Field, schedules: ReadonlySet<string>, report: Report): void {
  const nearest = suggest(text, ['always', ...schedules]);
  const hint = `${nearest ? `did you mean \`${nearest}\`? ` : ''}write always, the name of a schedule, or until 2027-03-31`;
  report.add('bad-when', span, `\`${text}\` is not a condition`, hint);
}

function isPosture(text: string): text is Posture {
  return (postures as readonly string[]).includes(text);
}

/** Two lines are the same when only their notes differ. */
export function reportDuplicates(lines: readonly RawLine[], report: Report): void {
  const seen = new Map<string, RawLine>();
  for (const line of lines) {
    const earlier = seen.get(line.meaning);
    if (earlier) {
      const summary = `the same rule stands at ${earlier.file}:${earlier.line}`;
      report.add('duplicate-rule', line.span, summary, 'remove one of the two lines');
    } else seen.set(line.meaning, line);
  }
}
