import { createHash } from 'node:crypto';
import type { Clock, Diagnostic } from '#base';
import { ProposalFault, SourceFault, type ProposalRepository } from '#gitops';
import type { PolicyPlan } from '#plan';
import { Refusal } from '../http/refusal.js';
import { recordAudit, type AuditEntry } from '../store/audit.js';
import type { Database } from '../store/database.js';
import type { WorkloadStore } from '../workloads/workload-store.js';
import { callForge } from './call-forge.js';
import { checkFiles, type ProposedFile } from './check-proposal.js';
import type { ForgeTarget } from './forge-config.js';
import { forgeDialects, type PullRequest } from './forge-requests.js';
import { weighInThread } from './weigh-thread.js';

export interface Proposal {
  readonly title: string;
  readonly description: string;
  /** Null: named after its title. */
  readonly branch: string | null;
  /** A commit of the policy's branch; null: the newest. */
  readonly base: string | null;
  readonly files: readonly ProposedFile[];
}

export interface ProposalAnswer {
  readonly branch: string;
  readonly base: string;
  readonly commit: string;
  /** `url` is null, with the `problem`, where the forge opened none; all of it is null where no forge is configured. */
  readonly pullRequest: { readonly url: string | null; readonly problem: string | null } | null;
  /** Null where the base itself does not load. */
  readonly plan: { readonly markdown: string; readonly json: PolicyPlan } | null;
  readonly diagnostics: readonly Diagnostic[];
}

interface Source {
  fetch(inForce: null): Promise<{ readonly commit: string }>;
  readTree(commit: string, folder: string): Promise<Map<string, string>>;
}

interface Ports {
  readonly source: Source;
  readonly repository: ProposalRepository;
  readonly workloads: Pick<WorkloadStore, 'load'>;
  readonly database: Database;
  readonly clock: Clock;
}

export interface ProposalRules {
  /** Of the policy in its repository; null: it comes by tags, and nobody knows into what a proposal goes. */
  readonly branch: string | null;
  readonly folder: string;
  /** Null: no pull request is opened. */
  readonly forge: ForgeTarget | null;
  /** For pull requests; null: that of the forge. */
  readonly token: string | null;
}

const forgeTimeout = 10_000;

/**
 * Makes a branch of what somebody proposes, and asks people to look at it. It never writes policy: what is in force is what the policy's
 * own branch says, after review and merge, and the loop judges it as any commit.
 */
export class Proposals {
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly ports: Ports,
    private readonly rules: ProposalRules,
  ) {}

  /** One at a time. Throws a Refusal where it can't be made. */
  propose(proposal: Proposal, actor: string): Promise<ProposalAnswer> {
    const result = this.tail.then(() => this.proposeNow(proposal, actor)).catch(unavailable);
    this.tail = result.catch(() => undefined);
    return result;
  }

  private async proposeNow(proposal: Proposal, actor: string): Promise<ProposalAnswer> {
    const { source, repository, workloads, clock } = this.ports;
    const { branch: into } = this.rules;
    if (into === null) throw new Refusal('conflict', byTags);
    if (!repository.isWritable) throw new Refusal('conflict', notWritable);
    const base = await this.baseOf(proposal.base);
    const before = await source.readTree(base, this.rules.folder);
    const errors = checkFiles(proposal.files, before);
    if (errors.length > 0) throw new Refusal('unprocessable', 'these files can not be proposed: see `errors`', errors);
    const after = withFiles(before, proposal.files);
    const at = clock.now();
    const weighed = await weighInThread({ before, after, at, known: await workloads.load() });
    if (!weighed.ok)
      throw new Refusal(
        'unprocessable',
        'the policy does not load with this change: see `diagnostics`',
        [],
        weighed.diagnostics,
      );
    const { plan, markdown, diagnostics } = weighed.value;
    const { title, description } = proposal;
    const commit = await repository.commit({
      base,
      author: { name: actor, email: actor.includes('@') ? actor : `${actor}@cordon.invalid` },
      at,
      message: description === '' ? `${title}\n` : `${title}\n\n${description}\n`,
      files: new Map(proposal.files.map(({ path, content }) => [prefixOf(this.rules.folder) + path, content])),
    });
    // INVARIANT: what is pushed is what was weighed. A file where a folder was would be one thing here and another in git.
    if (!isSame(after, await source.readTree(commit, this.rules.folder)))
      throw new Refusal('unprocessable', 'git makes something else of these files: no file may be where a folder is');
    const branch = proposal.branch ?? branchOf(title, commit);
    await this.push({ actor, branch, base, commit, files: proposal.files });
    const pullRequest = await this.openPull({
      branch,
      into,
      title,
      description: [description, markdown ?? ''].filter(Boolean).join('\n\n'),
    });
    return { branch, base, commit, pullRequest, plan: plan && { markdown: markdown ?? '', json: plan }, diagnostics };
  }

  private async baseOf(wanted: string | null): Promise<string> {
    const { source, repository } = this.ports;
    const { commit: newest } = await source.fetch(null);
    if (wanted === null || wanted === newest) return newest;
    if (await repository.isAncestor(wanted, newest)) return wanted;
    throw new Refusal('unprocessable', 'the base is not a commit of the policy', [
      { pointer: '/base', detail: `not on \`${this.rules.branch}\`: leave it out, or take one that is` },
    ]);
  }

  /** The trail says who wanted it before it leaves, and what came in its way. */
  private async push(made: {
    readonly actor: string;
    readonly branch: string;
    readonly base: string;
    readonly commit: string;
    readonly files: readonly ProposedFile[];
  }): Promise<void> {
    const { actor, branch, base, commit, files } = made;
    const entry = { actor, target: commit, after: { branch, base, files: files.map(({ path }) => path) } };
    await this.record({ ...entry, action: 'policy.propose' });
    try {
      await this.ports.repository.push(commit, branch);
    } catch (error) {
      if (!(error instanceof ProposalFault)) throw error;
      await this.record({ ...entry, action: 'policy.propose-failed', reason: error.message });
      throw new Refusal(error.code === 'branch-exists' ? 'conflict' : 'unavailable', `${error.message}: ${error.hint}`);
    }
  }

  private record(entry: AuditEntry): Promise<void> {
    const { database, clock } = this.ports;
    return database.transaction((tx) => recordAudit(tx, clock.now(), [entry]));
  }

  /** The branch is there whatever comes of it: people can open one by hand. */
  private async openPull(pull: PullRequest): Promise<ProposalAnswer['pullRequest']> {
    const { forge, token } = this.rules;
    if (!forge) return null;
    const dialect = forgeDialects[forge.kind];
    const limits = { milliseconds: forgeTimeout, signal: new AbortController().signal };
    const answer = await callForge(forge, dialect.pull(forge, pull), limits, token ?? forge.token);
    if (!answer.ok) return { url: null, problem: answer.problem };
    const url = (answer.value as Record<string, unknown> | null)?.[dialect.pullUrl];
    const isUrl = typeof url === 'string' && url.length <= 2000 && /^https?:\/\/\S+$/.test(url);
    return isUrl ? { url, problem: null } : { url: null, problem: 'the forge did not say where it is' };
  }
}

const byTags =
  'the policy comes by tags (CORDON_POLICY_TAGS), so there is no branch that a proposal could go into: open a pull request by hand';
const notWritable =
  'proposals can not be pushed: set CORDON_PROPOSALS_TOKEN_FILE for a repository at https://, or CORDON_PROPOSALS_SSH_KEY_FILE for one at ssh://';

/** The repository can't be read, which is nobody's fault here. */
function unavailable(error: unknown): never {
  if (error instanceof SourceFault) throw new Refusal('unavailable', `${error.message}: ${error.hint}`);
  throw error;
}

const isSame = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([path, text]) => b.get(path) === text);

function withFiles(before: ReadonlyMap<string, string>, files: readonly ProposedFile[]): Map<string, string> {
  const after = new Map(before);
  for (const { path, content } of files) {
    if (content === null) after.delete(path);
    else after.set(path, content);
  }
  return after;
}

/** `./policies/` → `policies/`; `.` → ``. */
const prefixOf = (folder: string): string =>
  folder
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .map((part) => `${part}/`)
    .join('');

/** The same proposal made twice at different times has two names. */
function branchOf(title: string, commit: string): string {
  const words = title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replaceAll(/^-+|-+$/g, '');
  const tag = createHash('sha256').update(commit).digest('hex').slice(0, 8);
  return `proposal/${words === '' ? '' : `${words}-`}${tag}`;
}
