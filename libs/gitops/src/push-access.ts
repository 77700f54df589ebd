import type { AccessForGit } from './access.js';

/** What opens a repository for writing, as paths of files; both null: a folder, which its owner opens. */
export interface PushAccess {
  /** One line, for https://. */
  readonly tokenFile: string | null;
  /** A private key without passphrase, for ssh://. */
  readonly sshKeyFile: string | null;
}

/** Git asks it for the password of this server and of no other. The shell reads the file, so that no list of processes shows the token. */
const helper =
  '!f() { test "$1" = get || exit 0; IFS= read -r token < "$CORDON_TOKEN_FILE" || test -n "$token" || exit 0; printf \'username=x-access-token\\npassword=%s\\n\' "$token"; }; f';

/** Null: with this access the repository can't be written to. */
export function pushAccessForGit({ tokenFile, sshKeyFile }: PushAccess, repository: string): AccessForGit | null {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(repository) ? new URL(repository) : null;
  if (url?.protocol === 'https:') {
    if (tokenFile === null) return null;
    const key = `credential.${url.origin}.helper`;
    const settings = [
      [key, ''],
      [key, helper],
      ['http.followRedirects', 'false'],
    ] as const;
    return { settings, variables: { CORDON_TOKEN_FILE: tokenFile } };
  }
  const isFolder = url ? url.protocol === 'file:' : !/^[^/]+:/.test(repository);
  if (isFolder) return { settings: [], variables: {} };
  // Ssh reads `%`, `$` and `~` in paths as something else, and the shell more.
  if (sshKeyFile === null || !/^\/[\w./@+,=-]*$/.test(sshKeyFile)) return null;
  const ssh = `ssh -o BatchMode=yes -o ConnectTimeout=10 -o IdentitiesOnly=yes -o IdentityFile=${sshKeyFile}`;
  return { settings: [], variables: { GIT_SSH_COMMAND: ssh } };
}
