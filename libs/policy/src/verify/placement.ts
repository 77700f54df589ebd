import { postures, type Posture } from '#model';
import { ruleLine, segmentAt } from '../compile/access.js';
import { builtIn, type AccessRuleSource, type Policy, type Whereabouts } from '../policy.js';
import type { AccessGrant, SegmentAtSite } from '../snapshot.js';
import { formatWhen } from '../when.js';
import type { Stretch } from './timeline.js';

export interface Question {
  readonly class: string;
  readonly site: string;
  readonly posture: Posture;
}

/** Where a question's devices sit. */
export interface Placed {
  readonly grant: AccessGrant;
  /** The entry of the segment that counts there: the site's own, or that of a site above. */
  readonly segment: SegmentAtSite;
}

/** A rule that answers a question while its condition holds and no nearer rule's does. */
interface Choice {
  readonly condition: string;
  /** Null: the segment is not at the site, which is a reject. */
  readonly placed: Placed | null;
}

/**
 * The access table over time: for each question its rules, nearest first. Does not report ties: `compileAccess` does, and
 * a spec proves that both give the same table.
 */
export class Placement {
  private readonly choices = new Map<string, readonly Choice[]>();
  private readonly entries = new Map<string, SegmentAtSite | null>();
  private readonly byClass: ReadonlyMap<string, readonly AccessRuleSource[]>;
  readonly sites: readonly string[];
  /** Whatever the clock says. */
  readonly anyTime: Stretch;

  constructor(private readonly policy: Policy) {
    this.byClass = Map.groupBy(policy.accessRules, (rule) => rule.class);
    this.sites = [...policy.sites.keys()].filter((site) => site !== builtIn.everywhere);
    const conditions = policy.accessRules.map(({ when }) => formatWhen(when));
    this.anyTime = { ever: new Set(conditions), always: new Set([builtIn.always]) };
  }

  /** Every answer that an instant of the stretch may give; of a single period exactly one. Null is a reject. */
  answers(question: Question, { always, ever }: Stretch): (Placed | null)[] {
    const found: (Placed | null)[] = [];
    for (const { condition, placed } of this.choicesOf(question)) {
      if (!ever.has(condition)) continue;
      found.push(placed);
      if (always.has(condition)) return found;
    }
    return [...found, null];
  }

  /** What a stretch has for questions, rejects left out. */
  placed(questions: readonly Question[], stretch: Stretch): Placed[] {
    return questions.flatMap((question) => this.answers(question, stretch)).filter((answer) => answer !== null);
  }

  /** Texts of the conditions that the answers hang on. */
  conditions(questions: readonly Question[]): Set<string> {
    return new Set(questions.flatMap((question) => this.choicesOf(question).map(({ condition }) => condition)));
  }

  /** All questions about devices of these classes themselves. */
  questions(classes: Iterable<string>, where: Whereabouts | null): Question[] {
    const named = new Set((where?.sites ?? [builtIn.everywhere]).flatMap((site) => this.policy.siteTree.members(site)));
    const sites = this.sites.filter((site) => named.has(site));
    return [...classes].flatMap((name) =>
      sites.flatMap((site) => (where?.postures ?? postures).map((posture) => ({ class: name, site, posture }))),
    );
  }

  private choicesOf(question: Question): readonly Choice[] {
    const key = `${question.class} ${question.site} ${question.posture}`;
    const known = this.choices.get(key);
    if (known) return known;
    const sites = this.policy.siteTree.distances(question.site);
    const matching = [...this.policy.principalTree.distances(question.class)].flatMap(([group, distance]) =>
      (this.byClass.get(group) ?? [])
        .filter((rule) => rule.posture === question.posture && sites.has(rule.site))
        .map((rule) => ({ rule, distance, siteDistance: sites.get(rule.site)! })),
    );
    matching.sort((a, b) => a.distance - b.distance || a.siteDistance - b.siteDistance);
    const last = matching.findIndex(({ rule }) => rule.when.kind === 'always');
    const reachable = last < 0 ? matching : matching.slice(0, last + 1);
    const choices = reachable.map(({ rule }) => this.choiceOf(rule, question));
    this.choices.set(key, choices);
    return choices;
  }

  private choiceOf(rule: AccessRuleSource, question: Question): Choice {
    const condition = formatWhen(rule.when);
    const segment = this.entryOf(rule.segment, question.site);
    if (!segment) return { condition, placed: null };
    const { vlan, sgt } = segment;
    const source = this.policy.segments.get(rule.segment);
    const [role, voice] = [source?.role ?? question.class, source?.voice ?? false];
    const grant = { ...question, segment: rule.segment, vlan, sgt, role, voice, rule: ruleLine(rule) };
    return { condition, placed: { grant, segment } };
  }

  private entryOf(segment: string, site: string): SegmentAtSite | null {
    const key = `${segment} ${site}`;
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    const found = segmentAt(this.policy, segment, site);
    this.entries.set(key, found);
    return found;
  }
}
