import { expect, it } from 'vitest';
import { judgeRules, type RulesVerdict } from './judge-rules.js';

const left = { fingerprint: 'left', isUnfinished: false };
const unfinished = { ...left, isUnfinished: true };
const never = { fingerprint: null, isUnfinished: false };

it.each<[string, string, boolean, typeof left | typeof never | null, RulesVerdict]>([
  ['we left it, and nothing else is wanted', 'left', true, left, 'in-sync'],
  ['we left it, and something else is wanted', 'left', false, left, 'ours'],
  ['it is not as we left it, nor as is wanted', 'other', false, left, 'by-hand'],
  ['nothing is there any more', '', false, left, 'by-hand'],
  ['it is not as we left it, but as is wanted', 'other', true, left, 'second-writer'],
  ['we were about to change it, and it is as is wanted', 'other', true, unfinished, 'in-sync'],
  ['we were about to change it, and it is half done', 'other', false, unfinished, 'unfinished'],
  ['we were about to change it, and nothing was done', 'left', false, unfinished, 'ours'],
  ['we never left anything, and it is as is wanted', 'other', true, never, 'in-sync'],
  ['we never left anything, and it is something else', 'other', false, never, 'unknown'],
  ['we know nothing', 'other', false, null, 'unknown'],
])('%s', (_, before, isAsked, known, verdict) => {
  expect(judgeRules({ before, after: before, isAsked }, known)).toBe(verdict);
});
