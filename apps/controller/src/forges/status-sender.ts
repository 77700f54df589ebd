import { forgeBox } from '../outbox/outbox.js';
import {
  OutboxSender,
  usualTimes,
  type SenderPorts,
  type SenderState,
  type SenderTimes,
} from '../outbox/outbox-sender.js';
import { callForge } from './call-forge.js';
import { tellNewest, type CommitStatus } from './commit-status.js';
import type { ForgeTarget } from './forge-config.js';
import { forgeDialects } from './forge-requests.js';

const day = 86_400_000;

/** Tells the forge what became of each commit. What that is, is stored with what happened (`commit-status.ts`). */
export class StatusSender {
  private readonly sender: OutboxSender;

  /** `target`: null when no forge is to hear of it. */
  constructor(
    private readonly ports: SenderPorts,
    private readonly target: ForgeTarget | null,
    times: SenderTimes = { ...usualTimes, useless: day },
  ) {
    this.sender = new OutboxSender(
      ports,
      {
        box: forgeBox,
        message: 'commit status',
        messages: 'commit statuses',
        deliver: async ({ body }, _, limits) => {
          if (!target) return null;
          const status = JSON.parse(body) as CommitStatus;
          const answer = await callForge(target, forgeDialects[target.kind].status(target, status), limits);
          return answer.ok ? null : answer;
        },
      },
      times,
    );
  }

  /** Before anything happens that is to be told. */
  async start(): Promise<void> {
    await this.sender.start(this.target !== null);
    const { database, clock } = this.ports;
    if (this.target) await database.transaction((tx) => tellNewest(tx, clock.now()));
  }

  stop(): Promise<void> {
    return this.sender.stop();
  }

  /** Null: no forge is to hear of it. */
  async state(): Promise<SenderState | null> {
    return this.target && (await this.sender.state());
  }
}
