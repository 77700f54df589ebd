import { printable } from './printable.js';

/** Every reason why a policy can't be taken from its repository; docs/source.md says what to do for each. */
export const sourceFaultCodes = [
  'repository-missing',
  'repository-refused',
  'branch-missing',
  'tag-missing',
  'authentication',
  'timeout',
  'folder-missing',
  'too-many-files',
  'too-large',
  'not-text',
  'not-a-file',
  'not-a-commit',
  'path-refused',
  'lfs-pointer',
  'bad-object',
  'not-signed',
  'signature-bad',
  'owner-missing',
  'trust-unreadable',
  'git-failed',
] as const;

export type SourceFaultCode = (typeof sourceFaultCodes)[number];

/** The policy can't be read from the repository. `message` says what is wrong, `hint` what to do; neither holds a secret. */
export class SourceFault extends Error {
  override readonly name = 'SourceFault';

  constructor(
    readonly code: SourceFaultCode,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

/** A URL as it may be shown: without user name and password. */
export function showRepository(repository: string): string {
  return repository.replace(/^([a-z+]+:\/\/)[^/@]*@/i, '$1');
}

interface Symptom {
  readonly pattern: RegExp;
  readonly code: SourceFaultCode;
  readonly hint: string;
}

/** What git says (LC_ALL=C) → what it means for the operator; the first match counts. */
const symptoms: readonly Symptom[] = [
  {
    pattern: /couldn't find remote ref|Remote branch .* not found/i,
    code: 'branch-missing',
    hint: 'push the branch, or name another one in CORDON_POLICY_BRANCH',
  },
  {
    pattern: /File too large|Out of memory|attempting to allocate|memory exhausted|more than .* of output/i,
    code: 'too-large',
    hint: 'remove large files from the history of the repository, or keep the policy in a repository of its own',
  },
  {
    pattern: /maximum allowed tree depth/,
    code: 'path-refused',
    hint: 'the repository has folders in folders without end: remove them',
  },
  {
    pattern: /fsck error|error in object|^error: object [0-9a-f]+: /im,
    code: 'bad-object',
    hint: 'the repository holds what git itself does not make: find out who pushed it, and remove it from the history',
  },
  {
    pattern: /UNPROTECTED PRIVATE KEY FILE|bad permissions/i,
    code: 'authentication',
    hint: 'let nobody but the user of the controller read the key: `chmod 600` on CORDON_POLICY_SSH_KEY_FILE',
  },
  {
    pattern:
      /Authentication failed|could not read (Username|Password)|terminal prompts disabled|Permission denied \(|HTTP 40[13]|returned error: 40[13]|Host key verification failed/i,
    code: 'authentication',
    hint: 'give the controller read access: an SSH key with the host in known_hosts, or a token (docs/source.md); it never asks for a password',
  },
  {
    pattern: /cannot start `(git|sh)`|exec: .*git: not found/,
    code: 'git-failed',
    hint: 'install git, or put it on the PATH of the controller',
  },
  {
    pattern: /dubious ownership/i,
    code: 'repository-refused',
    hint: 'the repository belongs to another user: run `git config --global --add safe.directory <path>` as the user of the controller',
  },
  {
    pattern: /transport '.*' not allowed|protocol .* not (allowed|supported)|Unable to find remote helper/i,
    code: 'repository-refused',
    hint: 'use a local path or an https:// or ssh:// URL',
  },
  {
    pattern:
      /does not appear to be a git repository|not a git repository|does not exist|Repository not found|not found/i,
    code: 'repository-missing',
    hint: 'check CORDON_POLICY_REPOSITORY: it must be the path or URL of a git repository that this user may read',
  },
  {
    pattern: /no answer within|timed out|Could not resolve host|Connection refused|unreachable|early EOF|hung up/i,
    code: 'timeout',
    hint: 'check that the git server is reachable from this machine; the controller tries again by itself',
  },
];

/** Turns what git printed into a fault with a remedy. Git repeats URLs, so these lose their credentials first. */
export function faultFromGit(error: unknown, repository: string): SourceFault {
  const said = error instanceof Error ? error.message : String(error);
  const text = said.replaceAll(/([a-z+]+:\/\/)[^/@\s']*@/gi, '$1').trim();
  const symptom = symptoms.find(({ pattern }) => pattern.test(text));
  const shown = showRepository(repository);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((each) => /^(fatal|error):/.test(each)) ?? lines[0] ?? 'no output';
  return new SourceFault(
    symptom?.code ?? 'git-failed',
    `can't read the policy repository \`${shown}\`: ${printable(line, 300)}`,
    symptom?.hint ?? 'run `git fetch` on that repository as the user of the controller to see the whole output',
  );
}
