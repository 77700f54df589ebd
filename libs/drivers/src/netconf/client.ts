import { RemoteFault, TerminalFault } from '../driver.js';
import type { Channel, OpenChannel } from '../transport-ssh.js';
import { frame, MessageDecoder } from './framing.js';
import { clientHello, editRpc, operations, readHello, readReply, rpc, type Datastore } from './messages.js';
import type { NetconfDevice } from './session.js';
import { formatElement, parseXml, type Tag, type XmlElement } from './xml.js';

export interface ClientLimits {
  /** A switch that needs longer for an exchange is not answering. */
  readonly exchangeMilliseconds: number;
}

/**
 * A NETCONF client: one question at a time, and each has an end. A session begins with the first one; after anything but a plain
 * answer it is over, and another begins only where nothing hangs on the old one.
 */
export class NetconfClient implements NetconfDevice {
  private connection: Connection | null = null;
  /** The one whose commit waits for its confirmation. Another can't confirm it, though a server may say `ok` to it. */
  private committed: Connection | null = null;

  constructor(
    private readonly open: OpenChannel,
    private readonly filter: readonly Tag[],
    private readonly limits: ClientLimits,
  ) {}

  async running(): Promise<string> {
    const data = await this.ask('reading', operations.getRunning(this.filter), true);
    if (!data) throw new TerminalFault('the switch answers without data');
    return formatElement(data);
  }

  async lock(store: Datastore): Promise<void> {
    await this.ask(`locking ${store}`, operations.lock(store), store === 'running');
  }

  async unlock(store: Datastore): Promise<void> {
    await this.ask(`unlocking ${store}`, operations.unlock(store));
  }

  async discard(): Promise<void> {
    await this.ask('discarding what others left', operations.discard);
  }

  async edit(config: string): Promise<void> {
    await this.exchange('changing the candidate', (id) => editRpc(id, config));
  }

  async commitFor(seconds: number): Promise<void> {
    await this.ask('committing', operations.commitFor(seconds));
    this.committed = this.connection;
  }

  async confirm(): Promise<void> {
    if (this.connection !== this.committed) throw forgotten('confirming');
    await this.ask('confirming', operations.confirm);
  }

  /** Politely, so that the switch has taken back what was not confirmed when this is done. */
  async close(): Promise<void> {
    const { connection } = this;
    if (!connection) return;
    this.connection = null;
    if (!connection.isBusy) await connection.ask('closing', (id) => rpc(id, operations.close)).catch(() => null);
    connection.end(new RemoteFault('closed'));
  }

  private ask(what: string, operation: Tag, mayBegin = false): Promise<XmlElement | null> {
    return this.exchange(what, (id) => rpc(id, operation), mayBegin);
  }

  private async exchange(what: string, message: (id: number) => string, mayBegin = false): Promise<XmlElement | null> {
    if (this.connection?.isOver) this.connection = null;
    if (!this.connection && !mayBegin) throw forgotten(what);
    this.connection ??= new Connection(this.open, this.limits);
    return this.connection.ask(what, message);
  }
}

const forgotten = (what: string): RemoteFault =>
  new RemoteFault(`${what}: the session is over, and the switch has forgotten what was begun in it`);

interface Waiting {
  readonly take: (message: string) => void;
  readonly fail: (why: Error) => void;
}

/** One NETCONF session. */
class Connection {
  private readonly decoder = new MessageDecoder();
  private readonly channel: Channel;
  private readonly ready: Promise<void>;
  private waiting: Waiting | null = null;
  private over: Error | null = null;
  private lastId = 0;

  constructor(
    open: OpenChannel,
    private readonly limits: ClientLimits,
  ) {
    this.channel = open({ received: (bytes) => this.receive(bytes), ended: (why) => this.end(why) });
    this.ready = this.greet();
    this.ready.catch(() => undefined);
  }

  get isOver(): boolean {
    return this.over !== null;
  }

  get isBusy(): boolean {
    return this.waiting !== null;
  }

  async ask(what: string, message: (id: number) => string): Promise<XmlElement | null> {
    await this.ready;
    const id = ++this.lastId;
    const answer = this.next(what);
    this.send(message(id));
    try {
      return readReply(parseXml(await answer), id, what);
    } catch (error) {
      this.end(error as Error);
      throw error;
    }
  }

  end(why: Error): void {
    if (this.over) return;
    this.over = why;
    this.channel.end();
    this.waiting?.fail(why);
  }

  /** We don't wait for the other's hello: both may speak first, and netconfd loses a request that comes close behind ours. */
  private async greet(): Promise<void> {
    const answer = this.next('hello');
    this.send(clientHello);
    try {
      this.decoder.framing = readHello(parseXml(await answer)).framing;
    } catch (error) {
      this.end(error as Error);
      throw error;
    }
  }

  private send(message: string): void {
    if (!this.over) this.channel.send(frame(message, this.decoder.framing));
  }

  /** The next message, whatever it says. */
  private next(what: string): Promise<string> {
    if (this.waiting) throw new Error('one question at a time');
    return new Promise((resolve, reject) => {
      const { exchangeMilliseconds } = this.limits;
      const timer = setTimeout(
        () => this.end(new RemoteFault(`${what}: no answer within ${exchangeMilliseconds / 1000} s`)),
        exchangeMilliseconds,
      );
      const settle = (): void => {
        clearTimeout(timer);
        this.waiting = null;
      };
      this.waiting = {
        take: (message) => {
          settle();
          resolve(message);
        },
        fail: (why) => {
          settle();
          reject(why);
        },
      };
      if (this.over) this.waiting.fail(this.over);
    });
  }

  private receive(bytes: Buffer): void {
    if (this.over) return;
    try {
      this.decoder.push(bytes);
      const message = this.decoder.next();
      if (message === null) return;
      if (!this.waiting) throw new TerminalFault('the switch says something that was not asked for');
      this.waiting.take(message);
    } catch (error) {
      this.end(error as Error);
    }
  }
}
