import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { diagnosticJson, print, printDiagnostics, printJson, yellow } from '../output.js';
import type { Diagnostic } from '#base';

export interface RollBackOptions extends ControllerArguments {
  readonly reason: string;
  readonly now?: boolean;
  readonly json?: boolean;
}

interface RolledBack {
  readonly status: 'active' | 'staged';
  readonly commit: string;
  readonly digest: string;
  readonly from: string;
  readonly diagnostics: readonly Diagnostic[];
}

const clientOf = (options: ControllerArguments): ControllerClient =>
  new ControllerClient(readControllerOptions(options, process.env));

/** A policy of before is in force again. Exit 0: it is, or its rollout began. */
export async function rollBack(revision: string, options: RollBackOptions): Promise<number> {
  const order = { commit: revision, reason: options.reason, now: options.now ?? false };
  const done = await clientOf(options).send<RolledBack>('POST', '/api/v1/policy/roll-back', order);
  const { status, commit, digest, from, diagnostics } = done;
  if (options.json) printJson({ ...done, diagnostics: diagnostics.map(diagnosticJson) });
  else {
    printDiagnostics(diagnostics.filter(({ severity }) => severity !== 'info'));
    const what = `${commit.slice(0, 12)} (digest ${digest.slice(0, 12)})`;
    if (status === 'active') print(`${what} is in force again, in place of ${from.slice(0, 12)}`);
    else
      print(
        `${what} is being rolled out in place of ${from.slice(0, 12)}: \`cordon rollout --watch\`; --now would not wait`,
      );
    print(
      `${yellow('!')} the branch still says what you went back from: revert it there. Until another commit comes it is not taken`,
    );
  }
  return 0;
}

export interface SyncOptions extends ControllerArguments {
  readonly take?: boolean;
  readonly json?: boolean;
}

interface SyncOutcome {
  readonly status: 'active' | 'staged' | 'waiting' | 'withdrawn' | 'rolled-back' | 'refused' | 'unreachable';
  readonly changed?: boolean;
  readonly commit?: string;
  readonly digest?: string | null;
  readonly diagnostics: readonly Diagnostic[];
}

const said: Readonly<Record<SyncOutcome['status'], string>> = {
  active: 'is in force',
  staged: 'is being rolled out: `cordon rollout --watch`',
  waiting: 'waits for the rollout that is under way: `cordon rollout`',
  withdrawn: 'was taken back',
  'rolled-back': 'is not taken',
  refused: 'is refused: the policy before stays in force',
  unreachable: 'the repository is not reached',
};

/** Looks at the repository now. Exit 0: what it says is in force, or on its way; 2: a person rolled back from it; 1: it is refused, or not reached. */
export async function syncPolicy(options: SyncOptions): Promise<number> {
  const outcome = await clientOf(options).send<SyncOutcome>('POST', '/api/v1/policy/sync', {
    take: options.take ?? false,
  });
  const { status, commit, diagnostics } = outcome;
  if (options.json) printJson({ ...outcome, diagnostics: diagnostics.map(diagnosticJson) });
  else {
    printDiagnostics(diagnostics.filter(({ severity }) => severity !== 'info'));
    print(commit === undefined ? said[status] : `commit ${commit.slice(0, 12)} ${said[status]}`);
  }
  if (status === 'refused' || status === 'unreachable') return 1;
  return status === 'rolled-back' || status === 'withdrawn' ? 2 : 0;
}
