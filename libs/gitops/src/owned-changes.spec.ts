import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Git } from './git.js';
import { OwnedChanges } from './owned-changes.js';
import { Owners } from './owners.js';
import { SourceFault } from './source-fault.js';
import { faultOf, Repository } from './testdata/repository.js';

const owned = 'rules/owned.csv';

let repository: Repository;
beforeEach(() => {
  repository = new Repository();
});
afterEach(() => repository.remove());

/** A commit of a history that is written by hand: content of the owned file, who signed it, and its parents' places. */
interface Made {
  readonly text: string;
  readonly by: 'ada' | 'bob';
  readonly parents: readonly number[];
}

/** Answers with the commits in the same order. The first has no parent. */
function write(history: readonly Made[]): { ids: string[]; signedBy: Map<string, string> } {
  const lines = history.flatMap(({ text, by, parents }, index) => {
    const [first, ...others] = parents.map((parent) => `:${parent + 1}`);
    return [
      'commit refs/heads/main',
      `mark :${index + 1}`,
      `committer ${by} <${by}@example.org> ${1_700_000_000 + index} +0000`,
      'data 1',
      'x',
      ...(first === undefined ? [] : [`from ${first}`]),
      ...others.map((other) => `merge ${other}`),
      `M 100644 inline ${owned}`,
      `data ${text.length}`,
      text,
      `M 100644 inline rules/other.csv`,
      `data ${String(index).length}`,
      `${index}`,
      '',
    ];
  });
  const marks = `${repository.root}/marks`;
  repository.gitWith(lines.join('\n'), 'fast-import', '--quiet', '--force', `--export-marks=${marks}`);
  const ids = readFileSync(marks, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .toSorted(([a], [b]) => Number(a!.slice(1)) - Number(b!.slice(1)))
    .map(([, id]) => id!);
  return { ids, signedBy: new Map(ids.map((id, index) => [id, history[index]!.by])) };
}

/** Of the last of that history, compared with the one at `from`. */
async function check(history: readonly Made[], from: number): Promise<void> {
  const { ids, signedBy } = write(history);
  const git = new Git({
    folder: repository.folder,
    environment: process.env,
    timeoutSeconds: 20,
    limits: { file: 1_000_000, memory: 512 * 1024 * 1024 },
  });
  const signatures = { signerOf: async ({ object }: { object: string }) => [signedBy.get(object)!] };
  const owners = Owners.parse(`${owned} ada`, 'owners');
  await new OwnedChanges({ git, signatures, owners, prefix: '' }).check(ids[from]!, ids.at(-1)!);
}

const made = (text: string, by: Made['by'], ...parents: number[]): Made => ({ text, by, parents });

describe('changes of an owned file', () => {
  const base = made('1', 'bob');
  const good: [string, number, Made[]][] = [
    ['by the owner', 0, [base, made('2', 'ada', 0)]],
    ['by nobody', 0, [base, made('1', 'bob', 0)]],
    ['by another, and taken back', 0, [base, made('2', 'bob', 0), made('1', 'bob', 1)]],
    ['merged by another from the owner', 0, [base, made('2', 'ada', 0), made('1', 'bob', 0), made('2', 'bob', 2, 1)]],
    ['merged by the owner from another', 0, [base, made('2', 'bob', 0), made('1', 'bob', 0), made('2', 'ada', 2, 1)]],
    [
      'merged twice',
      0,
      [
        base,
        made('2', 'ada', 0),
        made('1', 'bob', 0),
        made('2', 'bob', 2, 1),
        made('1', 'bob', 0),
        made('2', 'bob', 4, 3),
      ],
    ],
  ];
  it.each(good)('%s are accepted', async (_, from, history) => {
    await expect(check(history, from)).resolves.toBeUndefined();
  });

  const bad: [string, number, Made[]][] = [
    ['by another', 0, [base, made('2', 'bob', 0)]],
    ['by another below the owner', 0, [base, made('2', 'bob', 0), made('3', 'ada', 1)]],
    ['in a merge itself', 0, [base, made('2', 'ada', 0), made('1', 'bob', 0), made('3', 'bob', 2, 1)]],
    ['merged from another', 0, [base, made('2', 'bob', 0), made('1', 'bob', 0), made('2', 'bob', 2, 1)]],
    ['back to an older state by a merge', 1, [base, made('2', 'ada', 0), made('1', 'bob', 0), made('1', 'bob', 1, 2)]],
    [
      'to what an owner wrote on an old branch, over what came since',
      1,
      [base, made('2', 'ada', 0), made('3', 'ada', 0), made('3', 'bob', 1, 2)],
    ],
    ['back along the history', 1, [base, made('2', 'ada', 0), made('1', 'bob', 0)]],
    [
      'in a merge of three',
      0,
      [base, made('2', 'ada', 0), made('1', 'bob', 0), made('1', 'bob', 0), made('2', 'bob', 2, 3, 1)],
    ],
  ];
  it.each(bad)('%s are refused', async (_, from, history) => {
    expect((await faultOf(check(history, from))).code).toBe('owner-missing');
  });

  it('whatever the history, what is accepted is as it was, or as an owner signed it since', async () => {
    const text = fc.constantFrom('1', '2', '3');
    const by = fc.constantFrom<Made['by'][]>('ada', 'bob');
    const commit = fc.record({ text, by, merges: fc.boolean(), first: fc.nat(), second: fc.nat() });
    const outcomes = { accepted: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(commit, { minLength: 1, maxLength: 6 }), fc.nat(), async (commits, at) => {
        const history = [base];
        for (const each of commits) {
          const parents = [
            ...new Set([each.first, ...(each.merges ? [each.second] : [])].map((n) => n % history.length)),
          ];
          history.push({ text: each.text, by: each.by, parents });
        }
        const from = at % (history.length - 1);
        const error: unknown = await check(history, from).then(
          () => null,
          (reason: unknown) => reason,
        );
        if (error !== null && !(error instanceof SourceFault)) throw error;
        outcomes[error === null ? 'accepted' : 'refused']++;
        if (error !== null) return;
        const now = history.at(-1)!.text;
        const signed = history.filter((each) => each.by === 'ada').map((each) => each.text);
        expect([history[from]!.text, ...signed]).toContain(now);
      }),
      { numRuns: 60 },
    );
    expect(Math.min(outcomes.accepted, outcomes.refused)).toBeGreaterThan(0);
  }, 120_000);
});
