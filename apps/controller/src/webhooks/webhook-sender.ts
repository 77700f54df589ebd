import { webhookBox } from '../outbox/outbox.js';
import {
  OutboxSender,
  usualTimes,
  type SenderPorts,
  type SenderState,
  type SenderTimes,
} from '../outbox/outbox-sender.js';
import { deliver, type WebhookTarget } from './deliver.js';
import { tellDue } from './subjects.js';

/** Sends webhooks, and looks for what time alone has brought about. */
export class WebhookSender {
  private readonly sender: OutboxSender;
  private timer: NodeJS.Timeout | null = null;

  /** `target`: null when nobody is to hear of anything. */
  constructor(
    private readonly ports: SenderPorts,
    private readonly target: WebhookTarget | null,
    private readonly times: SenderTimes = usualTimes,
  ) {
    this.sender = new OutboxSender(
      ports,
      {
        box: webhookBox,
        message: 'webhook',
        messages: 'webhooks',
        deliver: async (message, at, limits) => {
          const problem = target && (await deliver(target, message, at, limits));
          return problem === null ? null : { problem, isFinal: false };
        },
      },
      times,
    );
  }

  /** Before anything happens that is to be told. */
  async start(): Promise<void> {
    await this.sender.start(this.target !== null);
    if (this.target) this.timer = setInterval(() => this.look(), this.times.idle);
  }

  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    await this.sender.stop();
  }

  /** Null: nobody is to hear of anything. */
  async state(): Promise<SenderState | null> {
    return this.target && (await this.sender.state());
  }

  private look(): void {
    const { database, clock, log } = this.ports;
    database
      .transaction((tx) => tellDue(tx, clock.now()))
      .catch((error: unknown) => log.error('webhooks: what is due was not looked at', { error: String(error) }));
  }
}
