import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PolicyRepository } from './tiny-policy.js';

const root = join(import.meta.dirname, '../..');
const bin = join(root, 'bin/cordon.js');
const medical = 'policies/rules/flows-medical.csv';

let folder: string;
let repository: PolicyRepository;
let watch: WatchProcess | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-watching-'));
  repository = new PolicyRepository(folder);
  cpSync(join(root, 'policies'), join(folder, 'policies'), { recursive: true });
  repository.commit({});
});
afterEach(async () => {
  await watch?.stop('SIGKILL');
  watch = null;
  rmSync(folder, { recursive: true, force: true });
});

/** `cordon watch` as a program reads it. */
class WatchProcess {
  private readonly lines: string[] = [];
  private wake: () => void = () => undefined;
  private readonly child: ChildProcess;
  err = '';

  constructor(...args: string[]) {
    this.child = spawn(process.execPath, [bin, 'watch', ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stderr!.on('data', (text: Buffer) => (this.err += text.toString()));
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.lines.push(line);
      this.wake();
    });
  }

  async line(): Promise<string> {
    while (this.lines.length === 0)
      await new Promise<void>((done) => {
        this.wake = done;
      });
    return this.lines.shift()!;
  }

  /** Lines up to one that fits; this one is the last. */
  async until(pattern: RegExp): Promise<string[]> {
    const seen: string[] = [];
    do seen.push(await this.line());
    while (!pattern.test(seen.at(-1)!));
    return seen;
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- the answers of the command, looked into by each test
  async run(): Promise<any> {
    return JSON.parse(await this.line());
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const ended = once(this.child, 'close');
    this.child.kill(signal);
    await ended;
    return this.child.exitCode;
  }
}

const edit = (path: string, change: (text: string) => string): void =>
  writeFileSync(join(folder, path), change(readFileSync(join(folder, path), 'utf8')));

describe('cordon watch', () => {
  it('has one line for each save: what is wrong, then what the change would do', async () => {
    watch = new WatchProcess('--json');
    expect(await watch.run()).toMatchObject({ ok: true, saved: [], base: { words: 'HEAD' }, plan: { changed: false } });
    const before = readFileSync(join(folder, medical), 'utf8');
    appendFileSync(join(folder, medical), 'p, infusion-pmp, ehr, https, allow, always, x\n');
    const broken = await watch.run();
    expect(broken).toMatchObject({ ok: false, saved: ['rules/flows-medical.csv'], plan: null });
    expect(broken.diagnostics[0]).toMatchObject({ code: 'unknown-name', line: before.split('\n').length, column: 4 });
    expect(broken.diagnostics[0].hint).toContain('infusion-pump');
    // As editors save: a new file takes the place of the old one.
    writeFileSync(
      join(folder, `${medical}~`),
      before.replace(/^p, infusion-pump, pump-gateway, https, allow.*\n/m, ''),
    );
    const saved = performance.now();
    renameSync(join(folder, `${medical}~`), join(folder, medical));
    const closed = await watch.run();
    const took = performance.now() - saved;
    expect(closed).toMatchObject({ ok: true, tests: { failures: 0 }, plan: { changed: true }, noPlan: null });
    expect(closed.plan.flows).toMatchObject([{ change: 'closed', source: { text: 'infusion-pump' } }]);
    // Half a second on a machine that has nothing else to do; here others may have it.
    expect(took).toBeLessThan(3000);
    repository.commit({});
    expect(await watch.run()).toMatchObject({ saved: [], plan: { changed: false } });
    expect(await watch.stop('SIGINT')).toBe(0);
    expect(watch.err).toBe('');
  });

  it('waits for a folder that goes, and goes on when it comes back', async () => {
    watch = new WatchProcess('--json', '--poll');
    await watch.run();
    renameSync(join(folder, 'policies'), join(folder, 'elsewhere'));
    expect(await watch.run()).toMatchObject({ ok: false, fault: 'the folder is not there' });
    renameSync(join(folder, 'elsewhere'), join(folder, 'policies'));
    edit(medical, (text) => text.replace(/^p, infusion-pump, pump-gateway, https, allow.*\n/m, ''));
    let run = await watch.run();
    while (run.plan?.changed !== true) run = await watch.run();
    expect(run.ok).toBe(true);
    expect(await watch.stop('SIGTERM')).toBe(0);
  });

  it('counts devices, compares with another base, and shows a block for each change', async () => {
    edit(medical, (text) => text.replace(/^p, infusion-pump, pump-gateway, https, allow.*\n/m, ''));
    repository.commit({});
    watch = new WatchProcess('--base', 'HEAD~1', '--inventory', 'policies/inventory/devices.csv');
    const first = await watch.until(/flows closed/);
    expect(first[0]).toMatch(/^policies \d\d:\d\d:\d\d, against merge base of HEAD and HEAD~1 [0-9a-f]{12}: \d+ ms$/);
    expect(first.join('\n')).toMatch(/policy is good: .*\n\d+ tests, \d+ invariants: all hold\n/);
    expect(first.join('\n')).toMatch(/access +\d+ of \d+ devices change/);
    expect(first.join('\n')).not.toContain('\u001B');
    edit('policies/inventory/devices.csv', (text) => text.split('\n').slice(0, 3).join('\n').concat('\n'));
    expect((await watch.until(/access +/)).at(-1)).toMatch(/of 2 devices change/);
    expect(await watch.stop('SIGINT')).toBe(0);
  });

  it.each([
    [['--base', 'nowhere'], '--base: `nowhere` is no commit of the repository'],
    [['--policy', 'nowhere'], '`nowhere` is not a folder'],
    [['--flows', 'nowhere'], '`nowhere` is no file'],
  ])('is refused with %j', async (args, message) => {
    watch = new WatchProcess(...args);
    expect(await watch.stop('SIGCONT')).toBe(1);
    expect(watch.err).toContain(message);
  });
});
