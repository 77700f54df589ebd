import { expect, it } from 'vitest';
import type { Diagnostic } from '#base';
import { annotations } from './annotations.js';

const error = (more: Partial<Diagnostic> = {}): Diagnostic => ({
  severity: 'error',
  code: 'unknown-name',
  summary: 'nothing is called `pmup`',
  hint: 'did you mean `pump`?',
  ...more,
});
const at = (file: string) => ({ span: { file, line: 3, column: 4 } });

it('stand at the file and line of the repository', () => {
  expect(annotations([error(at('rules/flows.csv'))], 'policies/')).toEqual([
    '::error file=policies/rules/flows.csv,line=3,col=4,title=unknown-name::nothing is called `pmup`%0Adid you mean `pump`?',
  ]);
  expect(annotations([error()], '')[0]).toMatch(/^::error title=unknown-name::nothing/);
});

it('are errors only, and no more than are shown', () => {
  expect(annotations([error({ severity: 'warning' }), error()], '')).toHaveLength(1);
  expect(
    annotations(
      Array.from({ length: 30 }, () => error()),
      '',
    ),
  ).toHaveLength(10);
});

it('give nobody who writes a policy a command of his own', () => {
  const lines = annotations([error({ ...at('a,b:c\n::add-mask::x'), summary: '100%\r\n::set-env name=PATH::x' })], '');
  expect(lines).toEqual([
    '::error file=a%2Cb%3Ac%0A%3A%3Aadd-mask%3A%3Ax,line=3,col=4,title=unknown-name::100%25%0D%0A::set-env name=PATH::x%0Adid you mean `pump`?',
  ]);
});
