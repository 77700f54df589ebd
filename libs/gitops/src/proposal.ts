import { accessForPush, type Access } from './access.js';
import { Git, type Environment, type GitOptions } from './git.js';

export interface ProposalRepositoryOptions {
  /** Path or URL. */
  readonly repository: string;
  /** A bare mirror that a `PolicySource` brings up to date. */
  readonly mirror: string;
  readonly access: Access;
  readonly environment: Environment;
  readonly timeoutSeconds: number;
  readonly limits: GitOptions['limits'];
}

export interface NewCommit {
  /** The commit it is made from; the mirror has it. */
  readonly base: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly at: Date;
  readonly message: string;
  /** By path from the top of the repository: the whole text, or null for a file that goes. */
  readonly files: ReadonlyMap<string, string | null>;
}

export type ProposalFaultCode = 'branch-exists' | 'push-refused' | 'unreachable';

/** A proposal did not get to the repository. `hint` says what to do; neither text holds a secret. */
export class ProposalFault extends Error {
  override readonly name = 'ProposalFault';

  constructor(
    readonly code: ProposalFaultCode,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

const reference = 'refs/cordon/proposal';
const committer = 'Cordon <cordon@cordon.invalid>';
const plainPath = /^[\w.-]+(\/[\w.-]+)*$/;

/**
 * Writes commits into a mirror and pushes them as new branches: no work tree, no index, no hook of ours. It moves no branch that is there.
 *
 * It does not decide what may be proposed (the controller does).
 */
export class ProposalRepository {
  private readonly git: Git | null;

  constructor(private readonly options: ProposalRepositoryOptions) {
    const { repository, mirror, access, environment, timeoutSeconds, limits } = options;
    const more = accessForPush(access, repository);
    this.git = more && new Git({ folder: mirror, environment, timeoutSeconds, limits, ...more });
  }

  /** False: nothing opens the repository for writing. */
  get isWritable(): boolean {
    return this.git !== null;
  }

  /** Whether the mirror has it as `newest`, or as one that led there. */
  async isAncestor(commit: string, newest: string): Promise<boolean> {
    return this.writing.text(['merge-base', '--is-ancestor', commit, newest]).then(
      () => true,
      () => false,
    );
  }

  /** Answers with its id. Nothing leaves the mirror yet. */
  async commit(change: NewCommit): Promise<string> {
    const input = importStream(change);
    const said = await this.writing.text(['fast-import', '--quiet', '--force', '--date-format=raw'], { input });
    return said.trim();
  }

  /** As a new branch. Rejects with `ProposalFault`. */
  async push(commit: string, branch: string): Promise<void> {
    const to = `refs/heads/${branch}`;
    const { repository } = this.options;
    const options = ['--quiet', '--no-recurse-submodules', `--force-with-lease=${to}:`];
    try {
      await this.writing.text(['push', ...options, '--', repository, `${commit}:${to}`], { isRemote: true });
    } catch (error) {
      throw faultOfPush(error, branch);
    }
  }

  private get writing(): Git {
    if (!this.git) throw new Error('nothing opens the repository for writing');
    return this.git;
  }
}

/** For `git fast-import`: one commit, and its id as the answer. */
function importStream({ base, author, at, message, files }: NewCommit): string {
  const when = `${Math.floor(at.getTime() / 1000)} +0000`;
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const changes = [...files].map(([path, text]) => {
    if (!plainPath.test(path)) throw new Error('not a plain path');
    return text === null ? `D ${path}\n` : `M 100644 inline ${path}\n${data(text)}`;
  });
  return [
    'feature get-mark\n',
    `commit ${reference}\nmark :1\n`,
    `author ${author.name} <${author.email}> ${when}\n`,
    `committer ${committer} ${when}\n`,
    data(message),
    `from ${base}\n`,
    ...changes,
    'get-mark :1\ndone\n',
  ].join('');
}

interface Symptom {
  readonly pattern: RegExp;
  readonly code: ProposalFaultCode;
  readonly hint: string;
}

const symptoms: readonly Symptom[] = [
  {
    pattern: /stale info|already exists|fetch first|non-fast-forward/i,
    code: 'branch-exists',
    hint: 'take another name for the branch, or delete that one',
  },
  {
    pattern:
      /Authentication failed|could not read|Permission denied|HTTP 40[13]|returned error: 40[13]|denied|Host key/i,
    code: 'push-refused',
    hint: 'check CORDON_PROPOSALS_TOKEN_FILE or CORDON_PROPOSALS_SSH_KEY_FILE: it must be allowed to push branches named `proposal/…`',
  },
  {
    pattern: /rejected|declined|hook/i,
    code: 'push-refused',
    hint: 'the server has a rule against this branch: let who pushes make branches named `proposal/…`',
  },
];

function faultOfPush(error: unknown, branch: string): ProposalFault {
  const said = error instanceof Error ? error.message : String(error);
  const text = said.replaceAll(/([a-z+]+:\/\/)[^/@\s']*@/gi, '$1').trim();
  const symptom = symptoms.find(({ pattern }) => pattern.test(text));
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((each) => /^(fatal|error|remote):|rejected/.test(each)) ?? lines[0] ?? 'no output';
  // oxlint-disable-next-line no-control-regex
  const shown = line.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 300);
  return new ProposalFault(
    symptom?.code ?? 'unreachable',
    `the branch \`${branch}\` was not pushed: ${shown}`,
    symptom?.hint ?? 'check that the git server is reachable from the controller, and try again',
  );
}
