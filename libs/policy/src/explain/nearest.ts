import { compareText } from '#base';
import { serviceAlgebra, type ServiceSet } from '#net';
import { indexOf, lineOf } from '../decide.js';
import { judge, type FlowQuery, type VerdictPart } from '../explain.js';
import type { FlowRule, RuleLine, Snapshot } from '../snapshot.js';
import { applicationPath, pathLength, principalPath, type MembershipPath } from './memberships.js';
import { whyNot } from './reasons.js';
import { exampleOf, type ServiceExample } from './services.js';

/** What a rule asks of a packet. The order is that of the answer: what is easiest to change first. */
export const columns = ['when', 'application', 'subject', 'object'] as const;
export type Column = (typeof columns)[number];

export interface ExamplePacket {
  readonly from: string;
  readonly to: string;
  readonly service: string;
}

/** A column on which a rule does not match, and why. */
export interface Mismatch {
  readonly column: Column;
  readonly why: string;
}

/** An allow that does not match, though little is missing. */
export interface NearRule extends RuleLine {
  readonly when: string;
  readonly note: string;
  /** The packet that it is compared with. */
  readonly example: ExamplePacket;
  readonly mismatches: readonly Mismatch[];
  /** Memberships of the columns that do match. */
  readonly paths: Readonly<Partial<Record<Exclude<Column, 'when'>, MembershipPath>>>;
  /** Denies in force that would still win, on all or a part of it, if this rule did match. */
  readonly overriddenBy: readonly RuleLine[];
}

const limit = 5;
/** A rule that differs in more is another matter. */
const mostMismatches = 2;

/**
 * The allows that come nearest to parts that no rule allows: fewest mismatches first, then the kind of mismatch, then the
 * fewest memberships on the columns that match, then file and line. A rule that names neither side is not near, and what
 * else the subject may do elsewhere is told only where nothing is nearer.
 */
export function nearestRules(snapshot: Snapshot, query: FlowQuery, parts: readonly VerdictPart[]): NearRule[] {
  const index = indexOf(snapshot);
  const byName = partsByName(parts);
  const candidates = snapshot.flowRules
    .filter(({ effect }) => effect === 'allow')
    .flatMap((rule) => nearestPart(rule, index.services.get(rule.application) ?? [], byName) ?? []);
  const near = candidates.filter(({ mismatches }) => mismatches.length < 2 || !mismatches.includes('object'));
  return (near.length > 0 ? near : candidates)
    .map((candidate) => ({ ...candidate, paths: pathsOf(snapshot, query, candidate) }))
    .map((candidate) => ({ ...candidate, steps: stepsOf(candidate.paths) }))
    .sort(
      (a, b) =>
        compareMismatches(a.mismatches, b.mismatches) ||
        a.steps - b.steps ||
        compareText(a.rule.file, b.rule.file) ||
        a.rule.line - b.rule.line,
    )
    .slice(0, limit)
    .map(({ rule, part, service, mismatches, paths }) => ({
      ...lineOf(rule),
      when: rule.when,
      note: rule.note,
      example: { from: part.from, to: part.to, service: service.label },
      mismatches: mismatches.map((column) => ({
        column,
        why: whyNot(snapshot, query, { rule, part, service }, column),
      })),
      paths,
      overriddenBy: deniesOf(snapshot, { rule, part, service, mismatches }),
    }));
}

/** A rule beside the packet that it is compared with. */
export interface Comparison {
  readonly rule: FlowRule;
  readonly part: VerdictPart;
  readonly service: ServiceExample;
}

interface Candidate extends Comparison {
  readonly mismatches: readonly Column[];
}

/** Parts in which a name is a subject, or an object; and the services of them all. */
interface PartsByName {
  readonly sources: ReadonlyMap<string, readonly VerdictPart[]>;
  readonly destinations: ReadonlyMap<string, readonly VerdictPart[]>;
  readonly services: ServiceSet;
}

function partsByName(parts: readonly VerdictPart[]): PartsByName {
  const index = (namesOf: (part: VerdictPart) => ReadonlySet<string>): Map<string, VerdictPart[]> => {
    const found = new Map<string, VerdictPart[]>();
    for (const part of parts) {
      for (const name of namesOf(part)) {
        const list = found.get(name);
        if (list) list.push(part);
        else found.set(name, [part]);
      }
    }
    return found;
  };
  return {
    sources: index(({ sources }) => sources),
    destinations: index(({ destinations }) => destinations),
    services: serviceAlgebra.normalize(parts.flatMap(({ services }) => services)),
  };
}

/** The first of the parts on which a rule comes nearest; null when it is not near to any. */
function nearestPart(rule: FlowRule, services: ServiceSet, parts: PartsByName): Candidate | null {
  const asSubject = parts.sources.get(rule.subject) ?? [];
  const asObject = parts.destinations.get(rule.object) ?? [];
  const everywhere = columns.filter(
    (column) =>
      ({
        when: !rule.active,
        application: serviceAlgebra.intersect(services, parts.services).length === 0,
        subject: asSubject.length === 0,
        object: asObject.length === 0,
      })[column],
  );
  let best: Candidate | null = null;
  for (const part of everywhere.length > mostMismatches ? [] : [...asSubject, ...asObject]) {
    const shared = serviceAlgebra.intersect(services, part.services);
    const misses: Readonly<Record<Column, boolean>> = {
      when: !rule.active,
      application: shared.length === 0,
      subject: !part.sources.has(rule.subject),
      object: !part.destinations.has(rule.object),
    };
    const mismatches = columns.filter((column) => misses[column]);
    if (mismatches.length > mostMismatches || (best && compareMismatches(best.mismatches, mismatches) <= 0)) continue;
    best = { rule, part, mismatches, service: exampleOf(shared.length > 0 ? shared : part.services) };
    // What matches nowhere can't be mended by another part.
    if (mismatches.length === everywhere.length) break;
  }
  return best;
}

const rankOf = (mismatches: readonly Column[]): string => mismatches.map((column) => columns.indexOf(column)).join('');

const compareMismatches = (a: readonly Column[], b: readonly Column[]): number =>
  a.length - b.length || compareText(rankOf(a), rankOf(b));

function pathsOf(
  snapshot: Snapshot,
  query: FlowQuery,
  { rule, part, service, mismatches }: Candidate,
): NearRule['paths'] {
  const matches = (column: Column): boolean => !mismatches.includes(column);
  return {
    ...(matches('subject') && {
      subject: principalPath(snapshot, { name: query.from, label: part.from }, rule.subject),
    }),
    ...(matches('object') && { object: principalPath(snapshot, { name: query.to, label: part.to }, rule.object) }),
    ...(matches('application') && {
      application: applicationPath(snapshot, { name: query.app, ...service }, rule.application),
    }),
  };
}

const stepsOf = (paths: NearRule['paths']): number =>
  Object.values(paths).reduce((sum, path) => sum + pathLength(path), 0);

/** Asks again with the rule's own words where the packet does not have them. */
function deniesOf(snapshot: Snapshot, { rule, part, service, mismatches }: Candidate): RuleLine[] {
  const word = (column: Column, own: string, asked: string): string => (mismatches.includes(column) ? own : asked);
  const parts = judge(snapshot, {
    from: word('subject', rule.subject, part.from),
    to: word('object', rule.object, part.to),
    app: word('application', rule.application, service.label),
  });
  if (!parts.ok) return [];
  const denies = parts.value.filter(({ verdict }) => verdict === 'deny').flatMap(({ rules }) => rules);
  return [...new Map(denies.map((line) => [line.id, line])).values()];
}
