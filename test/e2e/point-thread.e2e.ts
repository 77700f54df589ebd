import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, expect, it } from 'vitest';
import { RemoteFault } from '#drivers';
import { noRules, stateOf, type EnforcementState } from '#model';
import { addressSet } from '#net';
import type { PointThread } from '../../apps/controller/src/enforcement/point-thread.js';

/** As it is built: a thread can't load sources. */
const built = join(import.meta.dirname, '../../dist/apps/controller/src/enforcement/point-thread.js');
const { PointThread: Thread } = (await import(built)) as { PointThread: typeof PointThread };

const simulated = { driver: 'nftables', options: {}, target: { kind: 'simulated', name: 'fw1' } } as const;
const rules = {
  ...noRules,
  snapshotDigest: 'a'.repeat(64),
  scope: addressSet([{ family: 4, first: 0x0a14_0000n, last: 0x0a14_00ffn }]),
};
const goal = (...members: string[]): EnforcementState => ({
  ...stateOf(rules),
  membership: new Map([['pump', new Set(members)]]),
});

let thread: PointThread;
const ends: unknown[] = [];
afterEach(() => thread.close());

function openOne(opening: Parameters<PointThread['openPoint']>[0] = simulated) {
  ends.length = 0;
  thread = new Thread((error) => ends.push(error));
  const lost = { count: 0 };
  return { lost, work: thread.openPoint(opening, () => void lost.count++) };
}

it('does the work of a point, state after state', async () => {
  const { work } = openOne();
  await work.prove(goal('10.20.0.1'));
  const first = await work.run(goal('10.20.0.1'), 'whole');
  expect(first.outcome).toMatchObject({ kind: 'applied', change: 'rules', hasDrifted: false });
  const same = goal('10.20.0.1');
  expect((await work.run(same, 'whole')).outcome).toMatchObject({ kind: 'unchanged' });
  expect((await work.run({ ...same, rules: { ...rules } }, 'whole')).outcome).toMatchObject({ kind: 'unchanged' });
  expect(await work.connections(null)).toEqual([]);
});

it('says why a point can’t be opened, with each call', async () => {
  const { work } = openOne({ ...simulated, target: { kind: 'kubernetes', kubeconfig: null, context: null } });
  for (let n = 0; n < 2; n++)
    await expect(work.run(goal(), 'whole')).rejects.toMatchObject({
      name: 'TerminalFault',
      message: 'nftables is not reached by `kubernetes`',
    });
});

it('starts again when it ends, tells the points, and works on', async () => {
  const { work, lost } = openOne();
  await work.run(goal('10.20.0.1'), 'whole');
  const { worker } = thread as unknown as { readonly worker: Worker };
  const running = work.run(goal('10.20.0.1', '10.20.0.2'), 'whole').catch((error: unknown) => error);
  await worker.terminate();
  // The answer may have come before the end.
  const end = await running;
  if (end instanceof Error) expect(end).toMatchObject({ name: RemoteFault.name });
  expect([lost.count, ends.length]).toEqual([1, 1]);
  // A simulated device goes with its thread, so all of it is new to it.
  const again = await work.run(goal('10.20.0.1', '10.20.0.2'), 'changes');
  expect(again.outcome).toMatchObject({ kind: 'applied', change: 'rules' });
});
