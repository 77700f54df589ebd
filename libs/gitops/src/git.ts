import { runProgram } from '#programs';

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

/** Git said no. The message is what it printed. */
export class GitFailed extends Error {
  override readonly name = 'GitFailed';
}

/** For git alone, over what it inherits: in its environment, so that a list of processes does not show it. */
export interface GitMore {
  /** Of git's configuration; a later one of the same key counts. */
  readonly settings: readonly (readonly [key: string, value: string])[];
  readonly variables: Readonly<Record<string, string>>;
}

interface Run {
  readonly input?: string;
  /** Bytes. */
  readonly mostOutput?: number;
  /** It talks to another machine: what git starts for that may outlive it, and keep its output open. */
  readonly isRemote?: boolean;
}

/** Git that never asks, never runs a hook, and ends after `timeoutSeconds` whatever the far side does. Rejects with `GitFailed` or `ProgramFailed`. */
export class Git {
  private readonly environment: Readonly<Record<string, string>>;

  constructor(
    private readonly folder: string,
    environment: Environment,
    private readonly timeoutSeconds: number,
    more: GitMore = { settings: [], variables: {} },
  ) {
    const passed = inherited.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    this.environment = {
      ...Object.fromEntries(passed),
      LC_ALL: 'C',
      GIT_TERMINAL_PROMPT: '0',
      GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o ConnectTimeout=10',
      GIT_ALLOW_PROTOCOL: allowedProtocols.join(':'),
      ...more.variables,
      ...configuration(more.settings),
    };
  }

  async text(args: readonly string[], run: Run = {}): Promise<string> {
    return (await this.bytes(args, run)).toString('utf8');
  }

  async bytes(args: readonly string[], { isRemote = false, ...run }: Run = {}): Promise<Buffer> {
    const { code, stdout, stderr } = await runProgram({
      ...run,
      command: ['git', '-C', this.folder, ...settings, ...args],
      environment: this.environment,
      timeoutMilliseconds: this.timeoutSeconds * 1000,
      isOverWithItsProcess: isRemote,
    });
    if (code !== 0) throw new GitFailed(stderr.trim() || `git ended with code ${code}`);
    return stdout;
  }
}

const settings = ['core.hooksPath=/dev/null', 'transfer.fsckObjects=true', 'gc.autoDetach=false'].flatMap((setting) => [
  '-c',
  setting,
]);

/** As git reads it from the environment. */
function configuration(more: GitMore['settings']): Record<string, string> {
  const pairs = more.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key] as const,
    [`GIT_CONFIG_VALUE_${index}`, value] as const,
  ]);
  return { GIT_CONFIG_COUNT: String(more.length), ...Object.fromEntries(pairs) };
}
