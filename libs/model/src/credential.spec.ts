import { describe, expect, it } from 'vitest';
import { passwordSchema, usernameSchema } from './credential.js';

const problemOf = (schema: typeof usernameSchema, text: string): string | null =>
  schema
    .safeParse(text)
    .error?.issues.map(({ message }) => message)
    .join('; ') ?? null;

describe('a new password', () => {
  it.each([
    'eight888',
    ' with spaces around ',
    'Pass wörd, ключ, 密码密码',
    '🔑🔑🔑🔑🔑🔑🔑🔑',
    'x'.repeat(128),
    '🔑'.repeat(128),
    '"quotes" \\ and $HOME',
    'no\u00A0break',
  ])('may be %j, and stays as it is', (text) => {
    expect(passwordSchema.parse(text)).toBe(text);
  });

  it.each([
    ['', /fewer than 8/],
    ['seven77', /fewer than 8/],
    ['🔑🔑🔑🔑🔑🔑🔑', /fewer than 8/],
    ['x'.repeat(129), /more than 128/],
    ['with a line\n', /can not be seen/],
    ['with a tab\t', /can not be seen/],
    ['with\u0000null', /can not be seen/],
    ['zero\u200Bwidth', /can not be seen/],
    ['\uFEFFmark of order', /can not be seen/],
    ['right\u202Eto left', /can not be seen/],
    ['half a pair \uD83D', /can not be seen/],
    ['line\u2028separator', /can not be seen/],
  ])('may not be %j, and the message does not repeat it', (text, message) => {
    expect(problemOf(passwordSchema, text)).toMatch(message);
    if (text) expect(problemOf(passwordSchema, text)).not.toContain(text);
  });
});

describe('a user name', () => {
  it.each([
    'pump-17',
    'host/pump-17.example.org',
    'HOSPITAL\\pump',
    'pump@hospital.example',
    'pump 17',
    'ü'.repeat(126),
  ])('may be %j', (text) => expect(usernameSchema.parse(text)).toBe(text));

  it.each([
    ['', /Too small/],
    ['ü'.repeat(127), /253 bytes/],
    [' pump', /space/],
    ['pump ', /space/],
    ['..', /not a name/],
    ['.', /not a name/],
    ['pump\n', /can not be seen/],
  ])('may not be %j', (text, message) => expect(problemOf(usernameSchema, text)).toMatch(message));
});
