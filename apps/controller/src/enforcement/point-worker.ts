import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { assertNever } from '#base';
import { RemoteFault, TerminalFault } from '#drivers';
import { noRules, stateOf, type EnforcementState } from '#model';
import { GoalDecoder } from './goal-codec.js';
import { openHere, type PointAnswer, type PointCall, type PointFault, type PointRequest } from './point-thread.js';
import { ArtefactDiffers, type PointWork } from './point-work.js';
import { ProofThread } from './proof-thread.js';

/** Of calls that have none. */
const noGoal = stateOf(noRules);

/** Entry of the thread that `PointThread` starts. */
class Points {
  private readonly proofs = new ProofThread();
  private readonly open = new Map<number, { readonly work: () => PointWork; readonly goals: GoalDecoder }>();

  async answer(point: number, call: PointCall): Promise<unknown> {
    if (call.do === 'open') {
      this.open.set(point, { work: this.opened(point, call), goals: new GoalDecoder() });
      return null;
    }
    const known = this.open.get(point);
    if (!known) throw new RemoteFault('the point is closed');
    // Goals build on one another: each is taken, whatever comes of it.
    const goal = 'goal' in call ? known.goals.decode(call.goal) : noGoal;
    if (call.do === 'close') this.open.delete(point);
    return answerOf(known.work(), call, goal);
  }

  private opened(point: number, { opening }: Extract<PointCall, { readonly do: 'open' }>): () => PointWork {
    try {
      const work = openHere(opening, () => send({ lost: point }), this.proofs);
      return () => work;
    } catch (error) {
      return () => {
        throw error;
      };
    }
  }
}

function answerOf(
  work: PointWork,
  call: Exclude<PointCall, { readonly do: 'open' }>,
  goal: EnforcementState,
): Promise<unknown> {
  switch (call.do) {
    case 'prove':
      return work.prove(goal);
    case 'run':
      return work.run(goal, call.look);
    case 'counters':
      return work.counters();
    case 'connections':
      return work.connections(call.of);
    case 'cut':
      return work.cut(call.connections);
    case 'close':
      return work.close();
    default:
      return assertNever(call);
  }
}

function faultOf(error: unknown): PointFault {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ArtefactDiffers) return { kind: error.name, message, difference: error.difference };
  const isKnown = error instanceof RemoteFault || error instanceof TerminalFault;
  return { kind: isKnown ? error.name : 'other', message, difference: null };
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
const send = (answer: PointAnswer): void => parentPort?.postMessage(answer);

// On Linux of this thread alone: whoever waits for an answer of the controller goes first.
setPriority(5);

const points = new Points();

parentPort?.on('message', ({ id, point, call }: PointRequest) => {
  points.answer(point, call).then(
    (result) => send({ id, result }),
    (error: unknown) => send({ id, fault: faultOf(error) }),
  );
});
