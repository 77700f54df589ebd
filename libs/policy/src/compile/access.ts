import type { Report } from '../codes.js';
import { builtIn, type AccessRuleSource, type Policy } from '../policy.js';
import { postures, type Posture } from '#model';
import type { AccessGrant, RuleLine, SegmentAtSite } from '../snapshot.js';
import { isActive } from '../when.js';

/**
 * The access table: for each class, site and posture the segment of the most specific matching rule (fewest inheritance
 * steps for the class first, then for the site). No entry means reject. Reports ties, missing quarantine, and segments
 * that are not at the site or are dedicated to others.
 */
export function compileAccess(policy: Policy, at: Date, report: Report): AccessGrant[] {
  const active = policy.accessRules.filter(({ when }) => isActive(when, policy.schedules, at));
  const byClass = Map.groupBy(active, (rule) => rule.class);
  const table: AccessGrant[] = [];
  const told = new Set<string>();
  const lines = new LineCache();
  for (const name of policy.classes.keys()) {
    const candidates = [...policy.principalTree.distances(name)].flatMap(([group, distance]) =>
      (byClass.get(group) ?? []).map((rule) => ({ rule, distance })),
    );
    const byPosture = Map.groupBy(candidates, ({ rule }) => rule.posture);
    for (const site of policy.sites.keys()) {
      if (site === builtIn.everywhere) continue;
      const grants = postures.flatMap((posture) => {
        const ask = { class: name, site, posture };
        const rule = mostSpecific(policy, byPosture.get(posture) ?? [], ask, report, told);
        return (rule && grantOf(policy, rule, ask, lines, report, told)) ?? [];
      });
      if (grants.length > 0 && !grants.some(({ posture }) => posture === 'quarantined')) {
        const { rule } = grants[0]!;
        const hint = `add \`p2, device, everywhere, quarantined, …\`: without it a compromised \`${name}\` could only be cut off whole`;
        report.add(
          'no-quarantine',
          place(rule),
          `\`${name}\` has access at \`${site}\` but no quarantine segment there`,
          hint,
        );
      }
      table.push(...grants);
    }
  }
  return table;
}

interface Candidate {
  readonly rule: AccessRuleSource;
  readonly distance: number;
}

interface Question {
  readonly class: string;
  readonly site: string;
  readonly posture: Posture;
}

/** One object for a rule, however many grants it gives. */
class LineCache {
  private readonly known = new Map<AccessRuleSource, RuleLine>();

  of(rule: AccessRuleSource): RuleLine {
    const line = this.known.get(rule) ?? ruleLine(rule);
    this.known.set(rule, line);
    return line;
  }
}

/** The rule that decides: fewest steps for the class, then for the site; of equals the first. */
function mostSpecific(
  policy: Policy,
  candidates: readonly Candidate[],
  ask: Question,
  report: Report,
  told: Set<string>,
): AccessRuleSource | null {
  const siteDistances = policy.siteTree.distances(ask.site);
  let best: AccessRuleSource | null = null;
  let least = Infinity;
  let rival: AccessRuleSource | null = null;
  for (const { rule, distance } of candidates) {
    const steps = siteDistances.get(rule.site);
    if (steps === undefined) continue;
    const rank = distance * 1000 + steps;
    if (rank < least) [best, least, rival] = [rule, rank, null];
    else if (rank === least && rule.segment !== best!.segment) rival ??= rule;
  }
  if (best && rival && once(told, `tie ${best.id} ${rival.id}`)) {
    const other = `${rival.span.file}:${rival.span.line}`;
    const summary = `\`${ask.class}\` at \`${ask.site}\`, ${ask.posture}: \`${best.segment}\` here and \`${rival.segment}\` at ${other} match equally well`;
    report.add('access-tie', best.span, summary, 'add a rule for the class itself, or remove one of the two');
  }
  return best;
}

function grantOf(
  policy: Policy,
  rule: AccessRuleSource,
  ask: Question,
  lines: LineCache,
  report: Report,
  told: Set<string>,
): AccessGrant | null {
  const segment = policy.segments.get(rule.segment)!;
  const there = segmentAt(policy, rule.segment, ask.site);
  if (!there) {
    if (once(told, `site ${rule.id} ${ask.site}`)) {
      const summary = `segment \`${rule.segment}\` does not exist at \`${ask.site}\`: \`${ask.class}\` is rejected there`;
      report.add(
        'segment-not-at-site',
        rule.span,
        summary,
        'add the site to the segment, or narrow the rule to the sites that have it',
      );
    }
    return null;
  }
  const { dedicatedTo } = segment;
  if (
    dedicatedTo !== null &&
    !policy.principalTree.belongs(ask.class, dedicatedTo) &&
    once(told, `dedicated ${rule.id}`)
  ) {
    const summary = `segment \`${rule.segment}\` is dedicated to \`${dedicatedTo}\`, this rule puts \`${ask.class}\` there`;
    report.add(
      'dedicated-segment',
      rule.span,
      summary,
      'choose another segment, or end the dedication in catalog/segments.yaml',
    );
  }
  const { vlan, sgt } = there;
  const role = segment.role ?? ask.class;
  return { ...ask, segment: rule.segment, vlan, sgt, role, voice: segment.voice, rule: lines.of(rule) };
}

/** A child site has its parent's segments unless it has its own. */
export function segmentAt(
  policy: Pick<Policy, 'segments' | 'siteTree'>,
  segment: string,
  site: string,
): SegmentAtSite | null {
  const at = policy.segments.get(segment)?.sites ?? [];
  // Most segments are at the site itself.
  const here = at.find((entry) => entry.site === site);
  if (here) return here;
  const near = [...policy.siteTree.distances(site)].sort(([, a], [, b]) => a - b);
  for (const [name] of near) {
    const found = at.find((entry) => entry.site === name);
    if (found) return found;
  }
  return null;
}

export function ruleLine({
  id,
  span,
  text,
}: {
  id: string;
  span: { file: string; line: number };
  text: string;
}): RuleLine {
  return { id, file: span.file, line: span.line, text };
}

const place = ({ file, line }: RuleLine) => ({ file, line, column: 1 });

function once(told: Set<string>, key: string): boolean {
  if (told.has(key)) return false;
  told.add(key);
  return true;
}
