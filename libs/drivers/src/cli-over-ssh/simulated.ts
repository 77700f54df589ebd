import { compareText } from '#base';
import { RemoteFault } from '../driver.js';
import type { Channel, ChannelEvents, OpenChannel } from '../transport-ssh.js';

/** Lists of the switch: head → number → entry as the switch writes it. */
export type SimulatedLists = Map<string, Map<number, string>>;

/** A change that the switch takes back. */
interface Pending {
  readonly before: SimulatedLists;
  readonly user: string;
  readonly minutes: number;
  readonly timer: NodeJS.Timeout;
}

export type SimulatedMode = 'exec' | 'config' | 'list';

/** What a make's command line knows. Null: it does not know the command, in this mode. */
export interface Tongue {
  readonly banner: string;
  readonly modes: Readonly<Record<SimulatedMode, (head: string) => string>>;
  execute(command: string, terminal: SimulatedTerminal): string | null;
  /** What it says to a command that it does not know. */
  readonly unknown: (command: string) => string;
}

/**
 * A switch's command line within this process, for demonstrations and tests: it takes the commands that the makers' references document
 * and that we use, and nothing else. Another change can't begin while one waits for its confirmation.
 */
export class SimulatedCli {
  lists: SimulatedLists = new Map();
  pending: Pending | null = null;
  /** What stands after the next start. */
  saved: SimulatedLists = new Map();
  readonly checkpoints = new Set<string>();
  /** IOS XE: `archive` is configured. */
  hasArchive = true;
  /** While false, nobody gets through. */
  isReachable = true;
  readonly hostname = 'access-1';

  constructor(readonly tongue: Tongue) {}

  readonly openChannel: OpenChannel = (events) => new SimulatedChannel(this, events);

  /** As if somebody had typed it in configuration. Throws what the switch refuses. */
  type(lines: readonly string[]): void {
    const terminal = new SimulatedTerminal(this, 'somebody');
    terminal.mode = 'config';
    for (const line of lines) {
      const answer = terminal.execute(line);
      if (answer !== '') throw new Error(`${line}: ${answer}`);
    }
  }

  /** Lists whose heads are like this, as text, in order of their heads. */
  list(isWanted: (head: string) => boolean): string {
    const wanted = [...this.lists].filter(([head]) => isWanted(head)).sort(([a], [b]) => compareText(a, b));
    return wanted
      .map(([head, of]) => [head, ...[...of].map(([number, ace]) => ` ${number} ${ace}`)].join('\n'))
      .join('\n');
  }

  beginChange(user: string, minutes: number): void {
    const timer = setTimeout(() => this.goBack(), minutes * 60_000);
    timer.unref();
    this.pending = { before: copyOf(this.lists), user, minutes, timer };
  }

  keepChange(): void {
    clearTimeout(this.pending?.timer);
    this.pending = null;
  }

  private goBack(): void {
    if (this.pending) this.lists = this.pending.before;
    this.pending = null;
  }
}

export const copyOf = (lists: SimulatedLists): SimulatedLists =>
  new Map([...lists].map(([head, of]) => [head, new Map(of)]));

/** One login. */
export class SimulatedTerminal {
  mode: SimulatedMode = 'exec';
  /** The list that is edited. */
  head = '';

  constructor(
    readonly device: SimulatedCli,
    readonly user: string,
  ) {}

  get greeting(): string {
    return `${this.device.tongue.banner}${this.prompt}`;
  }

  /** What is said to a line, with the next prompt; without its echo. */
  answer(line: string): string {
    const said = this.execute(line);
    return `${said === '' ? '' : `${said}\n`}${this.prompt}`;
  }

  execute(line: string): string {
    const command = line.trim();
    const { tongue } = this.device;
    if (command === '') return '';
    if (command === 'end' && this.mode !== 'exec') return this.go('exec');
    if (command === 'exit' && this.mode !== 'exec') return this.go(this.mode === 'list' ? 'config' : 'exec');
    return tongue.execute(command, this) ?? tongue.unknown(command);
  }

  go(mode: SimulatedMode, head = ''): string {
    this.mode = mode;
    this.head = head;
    return '';
  }

  /** The entries that are edited: made with the first of them. */
  get entries(): Map<number, string> {
    const { lists } = this.device;
    const entries = lists.get(this.head) ?? new Map<number, string>();
    lists.set(this.head, entries);
    return entries;
  }

  /** Puts entries in their order. */
  setEntry(number: number, ace: string): void {
    const entries = this.entries.set(number, ace);
    this.device.lists.set(this.head, new Map([...entries].sort(([a], [b]) => a - b)));
  }

  private get prompt(): string {
    const { tongue, hostname } = this.device;
    return `${hostname}${tongue.modes[this.mode](this.head)}`;
  }
}

class SimulatedChannel implements Channel {
  private readonly terminal: SimulatedTerminal;
  private typed = '';
  private isOver = false;

  constructor(
    private readonly device: SimulatedCli,
    private readonly events: ChannelEvents,
  ) {
    this.terminal = new SimulatedTerminal(device, 'cordon');
    this.say(this.terminal.greeting);
  }

  send(bytes: Buffer): void {
    const lines = `${this.typed}${bytes.toString('utf8')}`.split('\r');
    this.typed = lines.pop() ?? '';
    for (const line of lines) if (!this.isOver) this.say(`${line}\n${this.terminal.answer(line)}`);
  }

  end(): void {
    this.isOver = true;
  }

  /** Later, as over a network. */
  private say(text: string): void {
    queueMicrotask(() => {
      if (this.isOver) return;
      if (this.device.isReachable) return this.events.received(Buffer.from(text.replaceAll('\n', '\r\n')));
      this.isOver = true;
      this.events.ended(new RemoteFault('the simulated switch does not answer'));
    });
  }
}
