import { explainFlow, type ExplainedPart, type FlowExplanation, type RuleLine } from '#policy';
import { postures, type Posture } from '#model';
import { blameLines, type Blame, type LineOrigin } from '../blame.js';
import { printJson } from '../output.js';
import { readPolicyAt, UsageError } from '../policy-files.js';
import { printExplanation } from './explain-text.js';
import { mustBeKnown, orThrow, readInstant, snapshotOf } from './policy.js';

export interface ExplainOptions {
  readonly policy: string;
  readonly from: string;
  readonly to: string;
  readonly app: string;
  readonly site?: string;
  readonly posture?: string;
  readonly at?: string;
  readonly json?: boolean;
}

/** May a flow pass, by which lines of whom, or what is missing. */
export function explain(options: ExplainOptions): number {
  const { policy, from, to, app, site, posture } = options;
  const placement = placementOf(site, posture);
  const snapshot = snapshotOf(readPolicyAt(policy), readInstant(options.at));
  const answer = orThrow(explainFlow(snapshot, { from, to, app }, placement));
  const blame = blameLines(policy, linesOf(answer));
  if (options.json) printJson({ ...withOrigins(answer, blame), at: snapshot.compiledFor, digest: snapshot.digest });
  else printExplanation({ from, to, app }, answer, blame, snapshot.compiledFor);
  return 0;
}

function placementOf(site: string | undefined, posture: string | undefined): { site: string; posture: Posture } | null {
  if (site === undefined && posture === undefined) return null;
  if (site === undefined || posture === undefined) {
    throw new UsageError('--site and --posture go together: a device has its role at a site in a posture');
  }
  mustBeKnown('posture', posture, postures);
  return { site, posture: posture as Posture };
}

/** Every line that an explanation names. */
function linesOf({ rules, parts, role }: FlowExplanation): RuleLine[] {
  const ofPart = (part: ExplainedPart): RuleLine[] => [
    ...part.rules,
    ...part.nearest.flatMap((near) => [near, ...near.overriddenBy]),
  ];
  return [...rules, ...parts.flatMap(ofPart), ...(role?.rule ? [role.rule] : [])];
}

function withOrigins({ rules, parts, role, ...answer }: FlowExplanation, blame: Blame): object {
  const origin = <T extends RuleLine>(line: T): T & { origin: LineOrigin | null } => ({ ...line, origin: blame(line) });
  return {
    ...answer,
    rules: rules.map(origin),
    role: role && { ...role, rule: role.rule && origin(role.rule) },
    parts: parts.map((part) => ({
      ...part,
      rules: part.rules.map(origin),
      nearest: part.nearest.map((near) => ({ ...origin(near), overriddenBy: near.overriddenBy.map(origin) })),
    })),
  };
}
