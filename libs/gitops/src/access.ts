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

/** For writing. Null: nothing of it opens that repository, nor is it a folder, which its owner opens. */
export function accessForPush(access: Access, repository: string): AccessForGit | null {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(repository) ? new URL(repository) : null;
  // Git's own form of an address for ssh has a colon before any slash.
  const kind = url?.protocol ?? (/^[^/]+:/.test(repository) ? 'ssh:' : 'file:');
  if (kind === 'file:') return { variables: {}, settings: [] };
  if (kind === 'ssh:' && access.sshKeyFile !== null) return accessForGit({ ...access, tokenFile: null }, repository);
  if (kind !== 'https:' || access.tokenFile === null) return null;
  const { variables, settings } = accessForGit(access, repository);
  return { variables, settings: [...settings, ['http.followRedirects', 'false']] };
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
