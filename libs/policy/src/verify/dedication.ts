import type { Diagnostic } from '#base';
import { policyCodes } from '../codes.js';
import type { Policy } from '../policy.js';
import { misplaced } from './access-claims.js';
import { formatInstant } from './failure.js';
import { Placement, type Placed } from './placement.js';
import { momentsOf, periodsAhead } from './timeline.js';

const daysAhead = 365;

/**
 * `compileAccess` refuses a policy that puts a class into another's segment at its instant. The same in the year after it:
 * what a schedule or the end of a date would do, by rule, with the first instant.
 */
export function dedicatedAhead(policy: Policy, from: Date): Diagnostic[] {
  const isStranger = ({ grant }: Placed): boolean => {
    const owner = policy.segments.get(grant.segment)?.dedicatedTo ?? null;
    return owner !== null && !policy.principalTree.belongs(grant.class, owner);
  };
  const placement = new Placement(policy);
  const questions = placement
    .questions(policy.classes.keys(), null)
    .filter((question) => placement.placed([question], placement.anyTime).some(isStranger));
  if (questions.length === 0) return [];
  const year = momentsOf(periodsAhead(policy, from, daysAhead));
  const found = misplaced(placement, questions, year, (placed) => placed !== null && isStranger(placed));
  return found.map(({ question, placed, at }) => {
    const { segment, rule } = placed!.grant;
    const owner = policy.segments.get(segment)!.dedicatedTo!;
    return {
      severity: policyCodes['dedicated-segment'][0],
      code: 'dedicated-segment',
      summary: `segment \`${segment}\` is dedicated to \`${owner}\`, this rule puts \`${question.class}\` there from ${formatInstant(at)} on`,
      hint: 'choose another segment, or end the dedication in catalog/segments.yaml',
      span: { file: rule.file, line: rule.line, column: 1 },
    };
  });
}
