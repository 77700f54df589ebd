import { runProgram, type ProgramEnd } from '#programs';

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

/** Of git's configuration: key and value. A later one of the same key counts. */
export type Setting = readonly [key: string, value: string];

/** Git said no. The message is what it printed. */
export class GitFailed extends Error {
  override readonly name = 'GitFailed';
}

interface Run {
  readonly input?: string;
  /** Bytes. */
  readonly mostOutput?: number;
  /** It talks to another machine: what git starts for that may outlive it, and keep its output open. */
  readonly isRemote?: boolean;
}

export interface GitOptions {
  readonly folder: string;
  readonly environment: Environment;
  readonly timeoutSeconds: number;
  /** Bytes that one process may write into one file, and that it may have in memory. */
  readonly limits: { readonly file: number; readonly memory: number };
  /** They are in the environment of git, so that a list of processes does not show them. */
  readonly settings?: readonly Setting[];
  /** For git alone, over what it inherits. */
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * The shell bounds what git and all that it starts may write and hold in memory (`-f` counts 512 bytes, `-d` KiB), whatever a
 * repository makes of them. A write over the limit then is an error that git tells, and no signal that kills it.
 */
const bounded = `trap '' XFSZ; ulimit -S -f "$1"; ulimit -S -d "$2"; shift 2; exec "$@"`;

/**
 * Git that never asks, never runs a hook, fetches nothing by the way, and ends after `timeoutSeconds` whatever the far side does.
 * Rejects with `GitFailed` or `ProgramFailed`.
 */
export class Git {
  private readonly environment: Readonly<Record<string, string>>;

  constructor(private readonly options: GitOptions) {
    const { environment, settings = [], variables = {} } = options;
    const passed = inherited.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    this.environment = {
      ...Object.fromEntries(passed),
      LC_ALL: 'C',
      GIT_TERMINAL_PROMPT: '0',
      GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o ConnectTimeout=10',
      GIT_LITERAL_PATHSPECS: '1',
      GIT_NO_REPLACE_OBJECTS: '1',
      ...variables,
      ...configuration([...always, ...settings]),
    };
  }

  async text(args: readonly string[], run: Run = {}): Promise<string> {
    return (await this.bytes(args, run)).toString('utf8');
  }

  async bytes(args: readonly string[], run: Run = {}): Promise<Buffer> {
    const { code, stdout, stderr } = await this.end(args, run);
    if (code !== 0) throw new GitFailed(stderr.trim() || `git ended with code ${code}`);
    return stdout;
  }

  /** However it ends. */
  end(args: readonly string[], { isRemote = false, ...run }: Run = {}): Promise<ProgramEnd> {
    const { folder, limits, timeoutSeconds } = this.options;
    const most = [Math.ceil(limits.file / 512), Math.ceil(limits.memory / 1024)].map(String);
    return runProgram({
      ...run,
      command: ['sh', '-c', bounded, 'sh', ...most, 'git', '-C', folder, ...args],
      environment: { ...this.environment, GIT_ALLOW_PROTOCOL: isRemote ? allowedProtocols.join(':') : '' },
      timeoutMilliseconds: timeoutSeconds * 1000,
      isOverWithItsProcess: isRemote,
    });
  }
}

/** One thread, so that memory is bounded by what there is to do; large blobs are streamed; what comes is kept as one file. */
const always: readonly Setting[] = [
  ['core.hooksPath', '/dev/null'],
  ['transfer.fsckObjects', 'true'],
  ['fetch.unpackLimit', '1'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['protocol.version', '2'],
  ['core.bigFileThreshold', '1m'],
  ['pack.threads', '1'],
  ['index.threads', '1'],
];

/** As git reads it from the environment. */
function configuration(settings: readonly Setting[]): Record<string, string> {
  const pairs = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key] as const,
    [`GIT_CONFIG_VALUE_${index}`, value] as const,
  ]);
  return { GIT_CONFIG_COUNT: String(settings.length), ...Object.fromEntries(pairs) };
}
