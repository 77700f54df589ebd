import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concernKinds, type Concern } from '#plan';
import { approvalLabel, defaultApproval, judgeChange, nameChange, readApproval } from './verdict.js';

const concern = (kind: Concern['kind']): Concern => ({ kind, summary: 'x', count: 1 });
const change = '0123456789ab';
const nobody = { approved: false, labels: [] };

describe('a verdict', () => {
  it.each([
    [[], nobody, 'good'],
    [['low', 'any', 'network'], nobody, 'good'],
    [['internet'], nobody, 'needs-approval'],
    [['life-critical'], nobody, 'needs-approval'],
    [['later'], nobody, 'needs-approval'],
    [['internet'], { approved: true, labels: [] }, 'approved'],
    [['internet'], { approved: false, labels: ['x', approvalLabel(change)] }, 'approved'],
    [['internet'], { approved: false, labels: [approvalLabel('ffffffffffff')] }, 'needs-approval'],
    [['internet'], { approved: false, labels: ['cordon-approved', change] }, 'needs-approval'],
    [null, nobody, 'unplanned'],
    [null, { approved: true, labels: [] }, 'approved'],
  ] as const)('of %j with %j is %s', (kinds, given, outcome) => {
    const concerns = kinds && kinds.map(concern);
    expect(judgeChange(change, concerns, defaultApproval, given).outcome).toBe(outcome);
  });

  it('asks for what the pipeline names', () => {
    expect(readApproval('high, network')).toEqual(['high', 'network']);
    expect(readApproval('none')).toEqual([]);
    expect(readApproval(undefined)).toEqual(defaultApproval);
    expect(readApproval('any')).toEqual(['any']);
    expect(() => readApproval('hihg')).toThrow(/`hihg` is not one of .*high/);
    expect(() => readApproval('')).toThrow(/not one of/);
    for (const kind of concernKinds)
      expect(judgeChange(change, [concern(kind)], [kind], nobody).outcome).toBe('needs-approval');
  });

  it('names a change by all texts of both sides, in whatever order they come, and by their sides', () => {
    const texts = fc.dictionary(fc.string(), fc.string());
    const mapOf = (files: Record<string, string>) => new Map(Object.entries(files));
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        const name = nameChange(mapOf(before), mapOf(after));
        expect(name).toMatch(/^[0-9a-f]{12}$/);
        expect(nameChange(new Map([...mapOf(before)].reverse()), mapOf(after))).toBe(name);
        const edited = { ...after, 'rules/new.csv': 'x' };
        expect(nameChange(mapOf(before), mapOf(edited))).not.toBe(name);
        if (
          JSON.stringify(before) !== JSON.stringify(after) &&
          Object.keys(before).length !== Object.keys(after).length
        )
          expect(nameChange(mapOf(after), mapOf(before))).not.toBe(name);
      }),
    );
  });
});
