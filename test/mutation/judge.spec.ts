import { describe, expect, it } from 'vitest';
import { resultOf, type Report } from './judge.ts';

const test = (status: string) => ({ status, fullName: `a test that ${status}` });
const file = (status: string, tests: readonly string[], message = '', name = 'a.spec.ts') => ({
  name,
  status,
  message,
  assertionResults: tests.map(test),
});

describe('a seeded fault', () => {
  it.each<[string, Report | null, string, string]>([
    [
      'is caught by a test that fails',
      { success: false, testResults: [file('failed', ['passed', 'failed'])] },
      'caught',
      'a test that failed',
    ],
    [
      'is caught by a hook that fails',
      { success: false, testResults: [file('failed', ['skipped'], 'the hook threw\nat …')] },
      'caught',
      'the hook threw',
    ],
    [
      'is broken where a hook of an end-to-end test fails: what the tests are about did not start',
      { success: false, testResults: [file('failed', ['skipped'], '', 'a.e2e.ts')] },
      'broken',
      'a hook of a.e2e.ts failed',
    ],
    [
      'is caught by one spec, though another does not load',
      { success: false, testResults: [file('failed', [], 'no such name'), file('failed', ['failed'])] },
      'caught',
      'a test that failed',
    ],
    [
      'is broken where the code does not load',
      { success: false, testResults: [file('failed', [], 'unexpected token')] },
      'broken',
      'unexpected token',
    ],
    ['is broken where no test ran', { success: false, testResults: [] }, 'broken', 'no test ran'],
    [
      'survives where all tests pass',
      { success: true, testResults: [file('passed', ['passed', 'passed'])] },
      'survived',
      '',
    ],
    ['hangs where there is no report', null, 'hung', 'the specs did not end'],
  ])('%s', (_, report, result, detail) => {
    expect(resultOf(report)).toEqual({ result, detail });
  });
});
