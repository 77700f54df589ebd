import { SourceFault, type Commit } from '#gitops';
import type { KnownWorkloads, Provenance } from '#policy';
import { Refusal } from '../http/refusal.js';
import type { Evaluation } from './evaluate.js';
import { evaluateInThread } from './evaluate-thread.js';
import type { PolicyStore, StoredVersion } from './policy-store.js';

interface Ports {
  readonly source: {
    fetch(inForce: null): Promise<Commit>;
    readTree(commit: string, folder: string): Promise<Map<string, string>>;
  };
  readonly store: Pick<PolicyStore, 'load'>;
}

type Files = ReadonlyMap<string, string>;

/**
 * The files of a policy of before: from the mirror, which needs nobody; from what is kept of the one that was in force last; and only
 * then from the repository, for a mirror that was made anew. Throws a Refusal.
 */
export async function readFormer(
  { source, store }: Ports,
  { commit }: Pick<StoredVersion, 'commit'>,
  folder: string,
): Promise<Files> {
  const here = await filesOrFault(() => source.readTree(commit, folder));
  if (!(here instanceof SourceFault)) return here;
  const kept = await store.load('previous');
  if (kept?.version.commit === commit) return kept.files;
  const there = await filesOrFault(async () => {
    await source.fetch(null);
    return source.readTree(commit, folder);
  });
  if (!(there instanceof SourceFault)) return there;
  throw new Refusal(
    'unavailable',
    `the files of ${commit.slice(0, 12)} can't be had: ${there.message} (${there.hint})`,
  );
}

async function filesOrFault(read: () => Promise<Files>): Promise<Files | SourceFault> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SourceFault) return error;
    throw error;
  }
}

export interface Judged extends Pick<Evaluation, 'snapshot'> {
  readonly diagnostics: Awaited<ReturnType<typeof evaluateInThread>>['diagnostics'];
}

/** As of now: schedules, dates and services may be others than when it was in force. Throws a Refusal with what is wrong. */
export async function judgeFormer(
  files: Files,
  provenance: Provenance & { readonly commit: string },
  at: Date,
  known: KnownWorkloads,
): Promise<Judged> {
  const evaluation = await evaluateInThread({ files, at, provenance, known });
  const failures = evaluation.ok ? evaluation.value.testFailures : evaluation.diagnostics;
  if (evaluation.ok && failures.length === 0)
    return { snapshot: evaluation.value.snapshot, diagnostics: evaluation.diagnostics };
  throw new Refusal(
    'unprocessable',
    `${provenance.commit.slice(0, 12)} does not hold any more, as of now: see \`diagnostics\`; go back to another one, or revert in git`,
    [],
    failures,
  );
}
