import { simpleGit, type SimpleGit } from 'simple-git';

/** What a git process may inherit: enough to find git, keys and proxies; nothing named GIT_*, and no secret of ours. */
const inherited = [
  'PATH',
  'HOME',
  'USER',
  'TMPDIR',
  'SSH_AUTH_SOCK',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'http_proxy',
  'https_proxy',
  'HTTPS_PROXY',
  'no_proxy',
  'NO_PROXY',
];

/**
 * Protocols that a repository may be fetched by. Missing on purpose: `ext` runs commands, `http` and `git` let anybody on
 * the path write the policy.
 */
export const allowedProtocols = ['file', 'https', 'ssh'] as const;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Git that never asks, never runs a hook, and ends after `timeoutSeconds` whatever the far side does. */
export function openGit(
  folder: string,
  environment: Environment,
  timeoutSeconds: number,
  ends: 'with its process' | 'with its output',
): SimpleGit {
  const settings: Record<string, string> = {
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o ConnectTimeout=10',
    GIT_ALLOW_PROTOCOL: allowedProtocols.join(':'),
  };
  for (const name of inherited) {
    const value = environment[name];
    if (value !== undefined) settings[name] = value;
  }
  return simpleGit({
    baseDir: folder,
    maxConcurrentProcesses: 4,
    // Else the library takes what has come 50 ms after the process has ended: while we are busy, that is not all. But what git starts for a
    // fetch may outlive it, and keep its output open.
    completion: { onClose: true, onExit: ends === 'with its process' ? 50 : false },
    abort: AbortSignal.timeout(timeoutSeconds * 1000),
    config: ['core.hooksPath=/dev/null', 'transfer.fsckObjects=true', 'gc.autoDetach=false'],
    unsafe: { allowUnsafeSshCommand: true, allowUnsafeHooksPath: true, allowUnsafeTemplateDir: true },
    allowEnvironment: ['GIT_TERMINAL_PROMPT', 'GIT_SSH_COMMAND', 'GIT_ALLOW_PROTOCOL'],
  }).env(settings);
}
