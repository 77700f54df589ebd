import { success, type Result } from '#base';
import { hasAddress, parseAddress } from '#net';
import { indexOf, type FlowVerdict } from '../decide.js';
import { judge, type FlowQuery, type VerdictPart } from '../explain.js';
import type { RuleLine, Snapshot } from '../snapshot.js';
import { explainParts, type ExplainedPart } from './parts.js';
import { placeQuery, type Placement, type RoleTaken } from './placement.js';

/** Verdict on a question, with everything that led to it. */
export interface FlowExplanation extends FlowVerdict {
  /** The question in the words of the policy: with the role in place of the class. */
  readonly query: FlowQuery;
  /** Where the device of the question was taken to be. */
  readonly role: RoleTaken | null;
  /** What policy says of the packets of the question, one entry per verdict and set of rules. None: no packet is meant. */
  readonly parts: readonly ExplainedPart[];
  /** What the asker may have meant instead. */
  readonly hints: readonly string[];
}

/**
 * Verdict on every packet that a query speaks of: allow only when all of them pass. A query by name speaks of all
 * addresses of an endpoint and all ports of an application; with a placement, of devices there in that posture.
 */
export function explainFlow(
  snapshot: Snapshot,
  query: FlowQuery,
  placement: Placement | null = null,
): Result<FlowExplanation> {
  const parts = judge(snapshot, query);
  if (!parts.ok) return parts;
  const hints = [query.from, query.to].flatMap((name) => addressHints(snapshot, name));
  if (!placement) return success({ ...explain(snapshot, query, parts.value), query, role: null, hints });
  const placed = placeQuery(snapshot, query, placement);
  if (!placed.ok) return placed;
  const { role, query: asked } = placed.value;
  if (asked === null) {
    const reason = `\`${role.class}\` is rejected at \`${role.site}\` when ${role.posture}: no access rule gives it a segment there`;
    return success({ verdict: 'deny', reason, rules: [], parts: [], query, role, hints });
  }
  const there = judge(snapshot, asked);
  return there.ok ? success({ ...explain(snapshot, asked, there.value), query: asked, role, hints }) : there;
}

function explain(
  snapshot: Snapshot,
  query: FlowQuery,
  parts: readonly VerdictPart[],
): FlowVerdict & { parts: readonly ExplainedPart[] } {
  const explained = parts.some(isSomething) ? explainParts(snapshot, query, parts) : [];
  return { ...summarize(parts, explained), parts: explained };
}

/** `judge` answers with one part that is nothing when no packet fits the question. */
const isSomething = ({ sources, destinations, fromAddresses, toAddresses }: VerdictPart): boolean =>
  sources.size + destinations.size > 0 || fromAddresses !== null || toAddresses !== null;

function summarize(parts: readonly VerdictPart[], explained: readonly ExplainedPart[]): FlowVerdict {
  const denied = parts.filter(({ verdict }) => verdict === 'deny');
  const [first] = denied;
  if (!first) return { verdict: 'allow', reason: 'allowed by rule', rules: uniqueLines(parts) };
  if (denied.length === parts.length) {
    const byRule = denied.filter(({ rules }) => rules.length > 0);
    return { verdict: 'deny', reason: (byRule[0] ?? first).reason, rules: uniqueLines(byRule) };
  }
  const { example, reason } = explained.find(({ verdict }) => verdict === 'deny')!;
  return {
    verdict: 'deny',
    reason: `only part of it is allowed: ${example.from} → ${example.to} ${example.service} is not (${reason})`,
    rules: uniqueLines(denied),
  };
}

function uniqueLines(parts: readonly VerdictPart[]): RuleLine[] {
  return [...new Map(parts.flatMap(({ rules }) => rules).map((rule) => [rule.id, rule])).values()];
}

/** Rules name devices by class, so a device's address alone matches next to nothing. */
function addressHints(snapshot: Snapshot, name: string): string[] {
  const address = indexOf(snapshot).classes.has(name) ? null : parseAddress(name);
  if (!address) return [];
  return snapshot.segments.flatMap(({ name: segment, dedicatedTo, role, sites }) =>
    sites
      .filter(({ prefixes }) => hasAddress(prefixes, address))
      .map(({ site }) => {
        const who = role ?? dedicatedTo;
        const as = role ? `counts as \`${role}\`` : who ? `is of class \`${who}\` or one below it` : 'has a class';
        return `${name} is in segment \`${segment}\` at \`${site}\`: whatever sits there ${as}, so ask about the class`;
      }),
  );
}
