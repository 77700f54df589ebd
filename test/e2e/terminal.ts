import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const mark = '\u0001';

/** A shell as a person has it open: folder, variables and functions stay from one command to the next. */
export class Terminal {
  private readonly shell: ChildProcess;
  private text = '';
  private changed: () => void = () => undefined;

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    // A process group of its own: what it started ends with it.
    this.shell = spawn('bash', ['--norc', '--noprofile'], { cwd: folder, env, stdio: 'pipe', detached: true });
    this.shell.stdout!.setEncoding('utf8').on('data', (piece: string) => {
      this.text += piece;
      this.changed();
    });
    this.shell.once('exit', () => this.changed());
    this.shell.stdin!.write('exec 2>&1\n');
  }

  /** What it prints; `$?` is that of the command for the next one. */
  async run(command: string): Promise<string> {
    this.begin(`{\n${command}\n} </dev/null\n_status=$?; printf '\\n\\001\\n'; (exit $_status)\n`);
    const end = `\n${mark}\n`;
    await this.until((text) => text.endsWith(end));
    return this.text.slice(0, -end.length).replace(/\n$/, '');
  }

  /** Of a command that goes on: what it printed by the time that this stood there. */
  async start(command: string, last: string): Promise<string> {
    this.begin(`${command}\n`);
    await this.until((text) => text.trimEnd().endsWith(last));
    return this.text.trimEnd();
  }

  async close(): Promise<void> {
    const { pid, exitCode, signalCode } = this.shell;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const ended = once(this.shell, 'exit');
    process.kill(-pid, 'SIGTERM');
    this.shell.stdin!.end();
    await ended;
  }

  private begin(script: string): void {
    this.text = '';
    this.shell.stdin!.write(script);
  }

  private async until(isThere: (text: string) => boolean): Promise<void> {
    while (!isThere(this.text)) {
      if (this.shell.exitCode !== null || this.shell.signalCode !== null)
        throw new Error(`the shell ended:\n${this.text}`);
      await new Promise<void>((done) => {
        this.changed = done;
      });
    }
  }
}
