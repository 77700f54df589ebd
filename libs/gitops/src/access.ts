import type { Setting } from './git.js';
import { SourceFault } from './source-fault.js';

/** What opens the repository, each as the path of a file; null: what the user of the controller has. */
export interface Access {
  /** A private key without passphrase, for ssh://. */
  readonly sshKeyFile: string | null;
  /** The keys that servers may have, for ssh://; no other is taken. */
  readonly knownHostsFile: string | null;
  /** One line, for https://. */
  readonly tokenFile: string | null;
}

/** Git's environment and settings. They name files; what stands in these is read by the program that needs it, and by nobody else. */
export interface AccessForGit {
  readonly variables: Readonly<Record<string, string>>;
  readonly settings: readonly Setting[];
}

/**
 * Git asks it for name and password of the server, and gives it both to nobody else: not to one that the server sends it to. `read` and
 * `printf` are of the shell, so that no list of processes shows the token.
 */
const helper = `!f() { test "$1" = get || exit 0; IFS= read -r token < "$CORDON_TOKEN_FILE" || test -n "$token" || exit 0; printf '%spassword=%s\\n' "$CORDON_TOKEN_USER" "$token"; }; f`;

export function accessForGit(access: Access, repository: string): AccessForGit {
  const ssh = { GIT_SSH_COMMAND: sshCommand(access) };
  const { tokenFile } = access;
  if (tokenFile === null) return { variables: ssh, settings: [] };
  const url = URL.canParse(repository) ? new URL(repository) : null;
  if (url?.protocol !== 'https:')
    throw new SourceFault(
      'repository-refused',
      'a token opens https:// repositories only',
      'write an https:// URL in CORDON_POLICY_REPOSITORY, or remove CORDON_POLICY_TOKEN_FILE',
    );
  // GitHub, GitLab and Gitea look at the token alone; who needs a name (deploy tokens of GitLab) writes it into the URL.
  const user = url.username === '' ? 'username=x-access-token\n' : '';
  const key = `credential.${url.origin}.helper`;
  return {
    variables: { ...ssh, CORDON_TOKEN_FILE: tokenFile, CORDON_TOKEN_USER: user },
    settings: [
      [key, ''],
      [key, helper],
    ],
  };
}

function sshCommand({ sshKeyFile, knownHostsFile }: Access): string {
  const key = sshKeyFile === null ? [] : ['-o', 'IdentitiesOnly=yes', '-o', fileOption('IdentityFile', sshKeyFile)];
  const hosts =
    knownHostsFile === null
      ? []
      : [
          '-o',
          'StrictHostKeyChecking=yes',
          '-o',
          'GlobalKnownHostsFile=none',
          '-o',
          fileOption('UserKnownHostsFile', knownHostsFile),
        ];
  return ['ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10', ...key, ...hosts].join(' ');
}

/**
 * In quotes for ssh, and in others for the shell that git starts it with. Ssh reads `%`, `$` and `~` in paths as something else, so these
 * are refused.
 */
function fileOption(name: string, path: string): string {
  if (/^\/[\p{L}\p{N} ._/@+,:=-]*$/u.test(path)) return `'${name}="${path}"'`;
  throw new SourceFault(
    'repository-refused',
    `ssh would read the path \`${path}\` in another way`,
    'use a whole path of letters, digits, spaces and `._/@+,:=-`',
  );
}
