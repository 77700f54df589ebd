import { RemoteFault, TerminalFault } from '../driver.js';
import type { OpenChannel } from '../transport-ssh.js';
import { CliConnection, type ConnectionLimits } from './connection.js';
import type { Cli, Make } from './make.js';
import type { CliDevice } from './session.js';

export interface ClientLimits extends ConnectionLimits {
  /** How long the switch keeps a change that nobody confirms. */
  readonly confirmMinutes: number;
}

/** Letters that lines of ours have; `?`, tabs and control characters are keys of a command line, and mean something else. */
const plainLine = /^[ A-Za-z0-9._:/-]{1,250}$/;

/**
 * A switch by its command line: one command at a time, and each has an end. A conversation begins with a question; a change lives and
 * dies with its conversation.
 */
export class CliClient implements CliDevice {
  private connection: CliConnection | null = null;
  /** A change was begun in `connection`. */
  private isChanging = false;

  constructor(
    private readonly open: OpenChannel,
    private readonly make: Make,
    private readonly user: string,
    private readonly limits: ClientLimits,
  ) {}

  lists(): Promise<string> {
    return this.cli(true).ask(this.make.showLists);
  }

  async isPending(): Promise<boolean> {
    return this.make.isPending(this.cli(true));
  }

  async begin(): Promise<void> {
    const cli = this.cli(false);
    this.isChanging = true;
    await this.make.begin(cli, this.limits.confirmMinutes);
  }

  async enter(line: string): Promise<void> {
    this.refuseWithoutChange();
    const connection = this.connection!;
    if (connection.mode === null) await this.configure(connection, 'configure terminal');
    await this.enterLine(connection, line);
  }

  async confirm(): Promise<void> {
    this.refuseWithoutChange();
    const cli = this.cli(false);
    await this.make.confirm(cli);
    this.isChanging = false;
  }

  async settle(): Promise<void> {
    await this.make.settle(this.cli(false));
  }

  async save(): Promise<void> {
    await this.make.save(this.cli(true));
  }

  async close(): Promise<void> {
    const { connection } = this;
    this.connection = null;
    this.isChanging = false;
    connection?.end(new RemoteFault('closed'));
    return Promise.resolve();
  }

  private refuseWithoutChange(): void {
    if (!this.isChanging || !this.connection || this.connection.isOver) throw forgotten();
  }

  /** The commands of a make, in the conversation of now. */
  private cli(mayBegin: boolean): Cli {
    if (this.connection?.isOver) {
      this.connection = null;
      this.isChanging = false;
    }
    if (!this.connection && !mayBegin) throw forgotten();
    const connection = (this.connection ??= new CliConnection(this.open, this.make.preparation, this.limits));
    const ask = async (command: string): Promise<string> => {
      if (connection.mode !== null) await this.say(connection, 'end');
      return this.say(connection, command);
    };
    return {
      user: this.user,
      ask,
      try: async (command) => {
        if (connection.mode !== null) await this.say(connection, 'end');
        return connection.ask(command);
      },
      configure: (command) => this.configure(connection, command),
      enter: (line) => this.enterLine(connection, line),
    };
  }

  private async configure(connection: CliConnection, command: string): Promise<string> {
    const answer = await this.say(connection, command);
    if (connection.mode !== 'config')
      throw new TerminalFault(`\`${command}\` does not lead into configuration: ${shown(answer)}`);
    return answer;
  }

  /** The prompt must say that the line before has led to where this one belongs. */
  private async enterLine(connection: CliConnection, line: string): Promise<void> {
    const command = line.trim();
    if (!plainLine.test(command)) throw new TerminalFault(`\`${command.slice(0, 100)}\` is no line for a switch`);
    const isInList = connection.mode !== null && connection.mode !== 'config';
    if (line.startsWith(' ') && !isInList) throw new RemoteFault(`\`${command}\` belongs to no list`);
    if (!line.startsWith(' ') && isInList) await this.say(connection, 'exit');
    const answer = await this.say(connection, command);
    const left = answer.split('\n').filter((said) => said !== '' && !this.make.notices.some((each) => each.test(said)));
    if (left.length > 0) throw refused(command, left.join('\n'));
  }

  /** Throws what the switch refuses. */
  private async say(connection: CliConnection, command: string): Promise<string> {
    const answer = await connection.ask(command);
    if (this.make.refusal.test(answer)) throw refused(command, answer);
    return answer;
  }
}

/** Another session that holds the configuration lets go of it some time. */
function refused(command: string, answer: string): Error {
  const message = `\`${command}\` is refused: ${shown(answer)}`;
  const isPassing = /\block(?:ed)?\b|in progress|in use by|try again|please wait|\bbusy\b/i.test(answer);
  return isPassing ? new RemoteFault(message) : new TerminalFault(message);
}

const shown = (answer: string): string => answer.trim().replaceAll(/\s+/g, ' ').slice(0, 400);

const forgotten = (): RemoteFault =>
  new RemoteFault('the conversation with the switch is over, and what was begun in it is left to the next one');
