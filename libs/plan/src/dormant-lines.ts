import { compareText } from '#base';
import type { AccessRule, FlowRule, Policy, Snapshot } from '#policy';
import { meaningOf, meaningsOf } from './flows/responsible-lines.js';
import type { AccessChange, DormantLine, FlowChange } from './plan.js';

export interface TimedPolicy {
  readonly policy: Policy;
  readonly snapshot: Snapshot;
}

/**
 * Lines that differ and change nothing at the plan's instant. They come, go, or have another `when`, and no shown change
 * leads to them: not in force now, or covered by another line now and perhaps not tonight. Or they stay, and their schedule
 * has other hours, or a name of theirs stands for something else while they are not in force.
 */
export function dormantLines(
  before: TimedPolicy,
  after: TimedPolicy,
  shown: { readonly flows: readonly FlowChange[]; readonly access: readonly AccessChange[] },
): DormantLine[] {
  const [was, is] = [rulesOf(before.snapshot), rulesOf(after.snapshot)];
  const [old, now] = [meaningsOf(before.snapshot), meaningsOf(after.snapshot)];
  const schedules = changedSchedules(before.policy, after.policy);
  const standing = new Set(was.map(({ key }) => key));
  const hasOtherNames = ({ names, active }: Rule): boolean =>
    !active && names.some((name) => old.get(name) !== now.get(name));
  const told = new Set([
    ...shown.flows.flatMap(({ lines }) => lines.map(({ sign, file, line }) => `${sign} ${file}:${line}`)),
    ...shown.access.flatMap(({ before, after }) => [`- ${before?.rule}`, `+ ${after?.rule}`]),
  ]);
  const found = [
    ...onlyIn(is, was).map((rule) => lineOf('+', rule)),
    ...onlyIn(was, is).map((rule) => lineOf('-', rule)),
    ...is
      .filter(({ key }) => standing.has(key))
      .filter((rule) => schedules.has(rule.line.when) || hasOtherNames(rule))
      .map((rule) => lineOf('~', rule)),
  ].filter(({ sign, file, line }) => !told.has(`${sign} ${file}:${line}`));
  return found.sort((a, b) => compareText(a.file, b.file) || a.line - b.line || compareText(a.sign, b.sign));
}

interface Rule {
  readonly key: string;
  readonly active: boolean;
  readonly names: readonly string[];
  readonly line: FlowRule | AccessRule;
}

function rulesOf({ flowRules, accessRules }: Snapshot): Rule[] {
  return [
    ...flowRules.map((line): Rule => {
      const { active, subject, object, application } = line;
      return { key: `p ${meaningOf(line)}`, active, names: [subject, object, application], line };
    }),
    ...accessRules.map((line): Rule => {
      const { active, class: name, site, posture, segment, when } = line;
      return { key: `p2 ${[name, site, posture, segment, when].join()}`, active, names: [name], line };
    }),
  ];
}

function onlyIn(rules: readonly Rule[], others: readonly Rule[]): Rule[] {
  const known = new Set(others.map(({ key }) => key));
  return rules.filter(({ key }) => !known.has(key));
}

function changedSchedules({ schedules: old }: Policy, { schedules: now }: Policy): ReadonlySet<string> {
  const names = new Set([...old.keys(), ...now.keys()]);
  return new Set([...names].filter((name) => JSON.stringify(old.get(name)) !== JSON.stringify(now.get(name))));
}

const lineOf = (sign: DormantLine['sign'], { line: { file, line, text, when } }: Rule): DormantLine => ({
  sign,
  file,
  line,
  text,
  when,
});
