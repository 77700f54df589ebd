import { RemoteFault, TerminalFault } from '../driver.js';
import type { Channel, OpenChannel } from '../transport-ssh.js';

export interface ConnectionLimits {
  /** A switch that needs longer for a command is not answering. */
  readonly commandMilliseconds: number;
  /** Characters of an answer. A listing of some thousand lists is shorter. */
  readonly mostOutput: number;
}

/** No prompt is longer, with its mode. */
const longestPrompt = 200;
/** Letters of a command behind which a terminal may have come to the end of its line, where echoes are not what was typed. */
const surelyRepeated = 40;
/** IOS shortens the host's name in configuration. */
const shortName = 20;
/** Colours and moves of the cursor, which AOS-CX sends to whatever is a terminal. */
// eslint-disable-next-line no-control-regex
const terminalCodes = /\u001b(?:\[[0-9;?]*[A-Za-z]|\][^\u0007]*\u0007|[=>78])|\u0008/g;
const firstPrompt = /(?:^|\n)([A-Za-z0-9][\w.-]{0,62})([>#]) ?$/;
const question = /(?:\(y\/n\)|\[y\/n\]|\[yes\/no\]|\[confirm\])\s*[:?]?\s*$/i;
const pager = /--\s*more\s*--/i;

interface Waiting {
  readonly prompt: RegExp;
  readonly take: (found: RegExpExecArray) => void;
  readonly fail: (why: Error) => void;
}

/**
 * One conversation: a command is sent when the prompt of the one before is there, and its answer is what stands between its echo and the
 * next prompt. The prompt is the host's own name, exactly, at the end of all that came. Decides nothing about what an answer means.
 */
export class CliConnection {
  /** Null: the first mode. Otherwise what the prompt says: `config`, `config-ext-nacl`. */
  mode: string | null = null;
  private readonly channel: Channel;
  private readonly ready: Promise<void>;
  private prompt = firstPrompt;
  private received = '';
  private waiting: Waiting | null = null;
  private over: Error | null = null;

  constructor(
    open: OpenChannel,
    preparation: readonly string[],
    private readonly limits: ConnectionLimits,
  ) {
    this.channel = open({
      received: (bytes) => this.receive(bytes.toString('utf8')),
      ended: (why) => this.end(why),
    });
    this.ready = this.greet(preparation);
    this.ready.catch(() => undefined);
  }

  get isOver(): boolean {
    return this.over !== null;
  }

  async ask(command: string): Promise<string> {
    await this.ready;
    return this.exchange(command);
  }

  end(why: Error): void {
    if (this.over) return;
    this.over = why;
    this.channel.end();
    this.waiting?.fail(why);
  }

  private async greet(preparation: readonly string[]): Promise<void> {
    const [, name = '', sign] = await this.next('logging in');
    if (sign === '>') {
      const fault = new TerminalFault(
        'the user may not configure: give it privilege 15, or the group `administrators`',
      );
      this.end(fault);
      throw fault;
    }
    const names = name.length > shortName ? `${name}|${name.slice(0, shortName)}` : name;
    this.prompt = new RegExp(`(?:^|\\n)(?:${names.replaceAll('.', '\\.')})(?:\\(([\\w-]+)\\))?# ?$`);
    for (const command of preparation) await this.exchange(command);
  }

  private async exchange(command: string): Promise<string> {
    this.received = '';
    const answer = this.next(`\`${command}\``);
    if (!this.over) this.channel.send(Buffer.from(`${command}\r`));
    const { input, index, 1: mode = null } = await answer;
    this.mode = mode;
    return this.behindEcho(command, input.slice(0, index));
  }

  /** Whatever came before the echo was said without being asked. */
  private behindEcho(command: string, text: string): string {
    const lines = text.split('\n');
    const wanted = squeeze(command).slice(0, surelyRepeated);
    const echo = lines.findIndex((line) => squeeze(line).includes(wanted));
    if (echo >= 0) return lines.slice(echo + 1).join('\n');
    const fault = new RemoteFault(
      `\`${command}\`: the switch does not repeat what it was told, so its answer may be to something else`,
    );
    this.end(fault);
    throw fault;
  }

  /** Until the next prompt. */
  private next(what: string): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const { commandMilliseconds } = this.limits;
      const timer = setTimeout(
        () => this.end(new RemoteFault(`${what}: no answer within ${commandMilliseconds / 1000} s`)),
        commandMilliseconds,
      );
      const settle = (): void => {
        clearTimeout(timer);
        this.waiting = null;
      };
      this.waiting = {
        prompt: this.prompt,
        take: (found) => {
          settle();
          resolve(found);
        },
        fail: (why) => {
          settle();
          reject(why);
        },
      };
      if (this.over) this.waiting.fail(this.over);
    });
  }

  private receive(text: string): void {
    if (this.over) return;
    this.received += text;
    if (this.received.length > this.limits.mostOutput)
      return this.end(
        new TerminalFault(`the switch says more than ${this.limits.mostOutput} characters to one command`),
      );
    if (!this.waiting) return;
    const tail = plain(this.received.slice(-longestPrompt));
    if (pager.test(tail) || question.test(tail))
      return this.end(new TerminalFault(`the switch waits for a key: ${tail.trim().slice(-100)}`));
    if (!this.waiting.prompt.test(tail)) return;
    const whole = plain(this.received);
    const found = this.waiting.prompt.exec(whole);
    if (found) this.waiting.take(found);
  }
}

const plain = (text: string): string =>
  text.replaceAll(terminalCodes, '').replaceAll(/\r+\n/g, '\n').replaceAll('\r', '');
const squeeze = (text: string): string => text.replaceAll(/\s/g, '');
