import { approvalBox } from '../outbox/outbox.js';
import {
  OutboxSender,
  usualTimes,
  type Failure,
  type SenderPorts,
  type SenderState,
  type SenderTimes,
  type SendLimits,
} from '../outbox/outbox-sender.js';
import type { ApprovalQuestion } from '../policy/policy-steps.js';
import { policyVersions } from '../store/rows.js';
import { askApprovals, type ApprovalAnswer } from './ask-approvals.js';
import type { ForgeTarget } from './forge-config.js';

const day = 86_400_000;

/**
 * Asks the forge who approved each commit that came into force. The question is stored with what happened; nothing waits for the answer,
 * and nothing is decided by it.
 */
export class ApprovalAsker {
  private readonly sender: OutboxSender;

  /** `target`: null when there is no forge to ask. */
  constructor(
    private readonly ports: SenderPorts,
    private readonly target: ForgeTarget | null,
    times: SenderTimes = { ...usualTimes, useless: day },
  ) {
    this.sender = new OutboxSender(
      ports,
      {
        box: approvalBox,
        message: 'question for approvals',
        messages: 'questions for approvals',
        deliver: ({ body }, at, limits) => this.ask(JSON.parse(body) as ApprovalQuestion, at, limits),
      },
      times,
    );
  }

  /** Before anything happens that is to be asked about. */
  start(): Promise<void> {
    return this.sender.start(this.target !== null);
  }

  stop(): Promise<void> {
    return this.sender.stop();
  }

  /** Null: there is no forge to ask. */
  async state(): Promise<SenderState | null> {
    return this.target && (await this.sender.state());
  }

  private async ask({ version, commit }: ApprovalQuestion, at: Date, limits: SendLimits): Promise<Failure | null> {
    if (!this.target) return null;
    const answer = await askApprovals(this.target, commit, limits);
    if (!answer.ok && !answer.isFinal) return answer;
    await this.save(version, answer, at);
    return answer.ok ? null : answer;
  }

  private save(id: number, answer: ApprovalAnswer, at: Date): Promise<void> {
    return this.ports.database.transaction(async (tx) => {
      const row = await tx.findOneBy(policyVersions, { id });
      if (!row) return;
      const own = row.approvals.filter(({ kind }) => kind !== 'forge');
      const approvals = answer.ok ? [...own, ...answer.approvals] : own;
      const [pull, problem] = answer.ok ? [answer.pull, null] : [null, answer.problem];
      await tx.update(policyVersions, { id }, { approvals, asked: { at: at.toISOString(), pull, problem } });
    });
  }
}
