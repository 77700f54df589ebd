import { RemoteFault } from '../driver.js';
import type { Channel, ChannelEvents, OpenChannel } from '../transport-ssh.js';
import { frame, MessageDecoder } from './framing.js';
import { namespaces } from './model.js';
import { configTag, ConfigError, editConfig, emptyConfig, select, type ConfigNode } from './simulated-config.js';
import { childrenOf, formatXml, netconfNamespace, parseXml, tag, type Tag, type XmlElement } from './xml.js';

type Store = 'running' | 'candidate';

/** A confirmed commit that nobody confirmed yet. */
interface Pending {
  readonly by: SimulatedSession;
  readonly before: ConfigNode;
  readonly timer: NodeJS.Timeout;
}

const startConfig = `<config xmlns="${netconfNamespace}"><network-instances xmlns="${namespaces.networkInstance}"><network-instance>
  <name>DEFAULT</name><config><name>DEFAULT</name></config></network-instance></network-instances></config>`;

/**
 * A switch with NETCONF within this process: the same bytes as over SSH, both models, and stricter than real ones, so that a change
 * that works by luck fails here. Nothing changes without locks, nothing is committed that nobody takes back. For demonstrations
 * and tests.
 */
export class SimulatedSwitch {
  private running = editConfig(emptyConfig, parseXml(startConfig));
  private candidate = this.running;
  private readonly locks = new Map<Store, SimulatedSession>();
  private pending: Pending | null = null;
  private sessions = 0;
  /** While false, nobody gets through. */
  isReachable = true;
  /** What it says that it can. */
  capabilities: readonly string[] = [
    'urn:ietf:params:netconf:base:1.0',
    'urn:ietf:params:netconf:base:1.1',
    'urn:ietf:params:netconf:capability:candidate:1.0',
    'urn:ietf:params:netconf:capability:confirmed-commit:1.1',
  ];

  readonly openChannel: OpenChannel = (events) => new SimulatedSession(this, events, ++this.sessions);

  /** As if somebody had typed it. */
  load(config: string): void {
    this.running = editConfig(this.running, parseXml(config));
    this.candidate = this.running;
  }

  /** All of the configuration, as text. */
  list(): string {
    return formatXml(configTag(this.running));
  }

  /** What is answered to an operation. Throws `ConfigError`. */
  execute(operation: XmlElement, by: SimulatedSession): Tag {
    const ok = tag('ok', '');
    switch (operation.name) {
      case 'get-config': {
        const filter = childrenOf(operation, 'filter')[0];
        const found = filter ? select(this.running, filter) : this.running;
        return configTag(found ?? emptyConfig, netconfNamespace);
      }
      case 'lock':
        this.lock(targetOf(operation), by);
        return ok;
      case 'unlock':
        this.unlock(targetOf(operation), by);
        return ok;
      case 'discard-changes':
        this.refuseUnlocked('candidate', by);
        this.candidate = this.running;
        return ok;
      case 'edit-config':
        return this.edit(operation, by) ?? ok;
      case 'commit':
        return this.commit(operation, by) ?? ok;
      case 'close-session':
        this.leave(by);
        return ok;
      default:
        throw new ConfigError('operation-not-supported', operation.name);
    }
  }

  /** The session is over, whatever ended it. */
  leave(by: SimulatedSession): void {
    if (this.locks.get('candidate') === by) this.candidate = this.running;
    for (const [store, owner] of this.locks) if (owner === by) this.locks.delete(store);
    if (this.pending?.by === by) this.goBack();
  }

  private lock(store: Store, by: SimulatedSession): void {
    if (this.pending) throw new ConfigError('in-use', 'a commit waits for its confirmation');
    if (this.locks.has(store)) throw new ConfigError('lock-denied', `${store} is locked`);
    if (store === 'candidate' && this.candidate !== this.running)
      throw new ConfigError('lock-denied', 'somebody left changes in the candidate');
    this.locks.set(store, by);
  }

  private unlock(store: Store, by: SimulatedSession): void {
    this.refuseUnlocked(store, by);
    this.locks.delete(store);
    if (store === 'candidate') this.candidate = this.running;
  }

  private refuseUnlocked(store: Store, by: SimulatedSession): void {
    if (this.locks.get(store) !== by) throw new ConfigError('operation-failed', `${store} is not locked by you`);
  }

  private edit(operation: XmlElement, by: SimulatedSession): void {
    this.refuseUnlocked(targetOf(operation), by);
    if (targetOf(operation) !== 'candidate') throw new ConfigError('operation-not-supported', 'edit the candidate');
    const [config] = childrenOf(operation, 'config');
    if (!config) throw new ConfigError('missing-element', 'config');
    this.candidate = editConfig(this.candidate, config);
  }

  private commit(operation: XmlElement, by: SimulatedSession): void {
    const [timeout] = childrenOf(operation, 'confirm-timeout');
    if (childrenOf(operation, 'confirmed').length === 0) {
      if (this.pending?.by !== by) throw new ConfigError('operation-failed', 'there is nothing to confirm');
      clearTimeout(this.pending.timer);
      this.pending = null;
      return;
    }
    for (const store of ['running', 'candidate'] as const) this.refuseUnlocked(store, by);
    const timer = setTimeout(() => this.goBack(), 1000 * Number(timeout?.text ?? 600));
    timer.unref();
    this.pending = { by, before: this.running, timer };
    this.running = this.candidate;
  }

  private goBack(): void {
    if (!this.pending) return;
    clearTimeout(this.pending.timer);
    this.running = this.pending.before;
    this.candidate = this.running;
    this.pending = null;
  }
}

function targetOf(operation: XmlElement): Store {
  const [store] = childrenOf(operation, 'target')[0]?.children ?? [];
  if (store?.name !== 'running' && store?.name !== 'candidate') throw new ConfigError('bad-element', 'target');
  return store.name;
}

class SimulatedSession implements Channel {
  private readonly decoder = new MessageDecoder();
  private hasGreeted = false;
  private isOver = false;

  constructor(
    private readonly owner: SimulatedSwitch,
    private readonly events: ChannelEvents,
    id: number,
  ) {
    const capabilities = owner.capabilities.map((text) => tag('capability', text));
    const content = [tag('capabilities', capabilities), tag('session-id', `${id}`)];
    this.say(tag('hello', content, { xmlns: netconfNamespace }));
  }

  send(bytes: Buffer): void {
    if (this.isOver) return;
    this.decoder.push(bytes);
    for (let text = this.decoder.next(); text !== null; text = this.decoder.next()) this.hear(parseXml(text));
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.owner.leave(this);
  }

  private hear(message: XmlElement): void {
    if (!this.hasGreeted) {
      const speaks = childrenOf(message, 'capabilities').flatMap((list) => list.children.map(({ text }) => text));
      const newer = 'urn:ietf:params:netconf:base:1.1';
      if (speaks.includes(newer) && this.owner.capabilities.includes(newer)) this.decoder.framing = '1.1';
      this.hasGreeted = true;
      return;
    }
    const attributes = { 'message-id': message.attributes.get('message-id') ?? '', xmlns: netconfNamespace };
    this.say(tag('rpc-reply', [this.answer(message)], attributes));
  }

  private answer({ children: [operation] }: XmlElement): Tag {
    try {
      if (!operation) throw new ConfigError('missing-element', 'operation');
      return this.owner.execute(operation, this);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return tag('rpc-error', [
        tag('error-type', 'application'),
        tag('error-tag', error.tag),
        tag('error-severity', 'error'),
        tag('error-message', error.message),
      ]);
    }
  }

  /** Later, as over a network. */
  private say(content: Tag): void {
    const bytes = frame(formatXml(content), this.decoder.framing);
    queueMicrotask(() => {
      if (this.owner.isReachable) return this.events.received(bytes);
      this.isOver = true;
      this.events.ended(new RemoteFault('the simulated switch does not answer'));
    });
  }
}
