import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultFromGit, sourceFaultCodes } from './source-fault.js';

const docs = readFileSync(join(import.meta.dirname, '../../../docs/source.md'), 'utf8');

describe('docs/source.md', () => {
  it('lists exactly the reasons that there are', () => {
    const listed = [...docs.slice(docs.indexOf('## What a refusal means')).matchAll(/^\| `([a-z-]+)`/gm)];
    expect(listed.map(([, code]) => code!).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
      [...sourceFaultCodes].toSorted((a, b) => (a < b ? -1 : 1)),
    );
  });
});

describe('what git says', () => {
  it.each([
    ["fatal: couldn't find remote ref refs/heads/live", 'branch-missing'],
    ['sh: 1: exec: git: not found', 'git-failed'],
    ['fatal: write error: File too large', 'too-large'],
    ['fatal: Out of memory, malloc failed (tried to allocate 2147483521 bytes)', 'too-large'],
    [`error: object ${'a'.repeat(40)}: hasDotdot: contains '..'\nfatal: fsck error in packed object`, 'bad-object'],
    ['fatal: exceeded maximum allowed tree depth', 'path-refused'],
    ['WARNING: UNPROTECTED PRIVATE KEY FILE!\ngit@h: Permission denied (publickey).', 'authentication'],
    ["fatal: '/srv/none' does not appear to be a git repository", 'repository-missing'],
  ])('%j is %s', (said, code) => expect(faultFromGit(new Error(said), '/srv/policy.git').code).toBe(code));

  it('comes to a terminal without control characters', () => {
    const { message } = faultFromGit(new Error('fatal: remote said \u001b[2J boo'), '/srv/policy.git');
    expect(message).toContain('remote said ?[2J boo');
  });
});
