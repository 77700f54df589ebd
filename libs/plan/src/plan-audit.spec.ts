import { candidateOf, compilePolicy } from '#policy';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { formatPlan } from './format/format-plan.js';
import { planPolicy, type PlannedSide } from './make-plan.js';
import type { PolicyPlan } from './plan.js';
import { planned, plannedAt } from './spec/planned.js';

const line = 'p, infusion-pump, remediation, https, allow, always, "CHG-1"\n';
const denying = 'p, infusion-pump, library-1, https, deny, always, "CHG-2"\n';

function side(parts: Record<string, string>): PlannedSide {
  const plain = planned(policyFiles(parts));
  const candidate = candidateOf(plain.policy);
  const compiled = candidate && compilePolicy(candidate, plannedAt);
  return { ...plain, candidate: compiled?.ok ? compiled.value : null };
}

function plan(before: Record<string, string>, after: Record<string, string>): PolicyPlan {
  const made = planPolicy({ from: side(before), to: side(after), inventory: null, flows: null });
  if (!made.ok) throw new Error(JSON.stringify(made.diagnostics));
  return made.value;
}

describe('the plan of a change with lines in audit', () => {
  it('says that nothing changes, and what they would do', () => {
    const made = plan({}, { 'audit/x.csv': line + denying });
    expect(made.changed).toBe(false);
    expect(made.flows).toEqual([]);
    expect(made.audit?.lines.map(({ change, file, line: number }) => `${change} ${file}:${number}`)).toEqual([
      'comes audit/x.csv:1',
      'comes audit/x.csv:2',
    ]);
    expect(
      made.audit?.would?.map(({ change, source, destination }) => [change, source.text, destination.text]),
    ).toEqual(
      expect.arrayContaining([
        ['opened', 'infusion-pump', 'remediation'],
        ['closed', 'infusion-pump', expect.stringMatching(/library/)],
      ]),
    );
    const text = formatPlan(made, 'human');
    expect(text).toContain('2 lines (2 new): would open 1 flow and close 1 flow, and change nothing now');
    expect(text).toContain('would close infusion-pump ->');
    expect(formatPlan(made, 'markdown')).toContain('Lines in audit: they change nothing');
  });

  it('tells a promoted line from one that is taken out', () => {
    const made = plan({ 'audit/x.csv': line + denying }, { 'rules/x.csv': line });
    expect(made.flows).toMatchObject([{ change: 'opened' }]);
    expect(made.audit).toMatchObject({
      lines: [
        { change: 'promoted', file: 'rules/x.csv', line: 1 },
        { change: 'goes', file: 'audit/x.csv', line: 2 },
      ],
      would: null,
    });
    expect(formatPlan(made, 'human')).toContain('0 lines (1 taken out, 1 promoted)');
  });

  it('says nothing where there are none', () => {
    const made = plan({}, {});
    expect(made.audit).toBeNull();
    expect(formatPlan(made, 'human')).not.toContain('audit');
  });
});
