/*
 * npm run lab [-- --scene N]… [--keep] [--policies FOLDER] [--merges N]
 *
 * Cordon against real peers: see README.md. This file checks the machine, builds Cordon when its sources are newer than
 * its build, and starts lab.ts in a sandbox of its own:
 *
 *   unshare --net --mount --pid
 *     no network but loopback and what the lab builds: no packet can leave the machine
 *     its own /run/netns: names can't collide with another run's
 *     its own process ids: when lab.ts is gone, for whatever reason, the kernel ends all that it started, and with the
 *     last process the namespaces, cables and rules are gone too
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { missingTools } from './tools.ts';

const root = join(import.meta.dirname, '..', '..');

const { values: options } = parseArgs({
  options: {
    scene: { type: 'string', multiple: true },
    keep: { type: 'boolean', default: false },
    policies: { type: 'string', default: join(root, 'policies') },
    merges: { type: 'string', default: '10' },
  },
});

if (!/^[1-9]\d{0,3}$/.test(options.merges)) throw new Error(`--merges is \`${options.merges}\`: give a number from 1`);

function checkMachine(): void {
  const problems = missingTools().map((tool) => `missing: ${tool}`);
  if (process.getuid?.() !== 0) problems.push('the lab needs root, for network namespaces');
  if (problems.length === 0) return;
  for (const problem of problems) console.error(problem);
  console.error('0 passed, 1 failed');
  process.exit(1);
}

function newest(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(0, ...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
}

function buildWhenStale(): void {
  const main = join(root, 'dist/apps/controller/src/main.js');
  const stamp = join(root, 'dist/.tsbuildinfo');
  const built = existsSync(main) && existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  if (built > Math.max(newest(join(root, 'apps')), newest(join(root, 'libs')))) return;
  console.log('building Cordon');
  const build = spawnSync(join(root, 'node_modules/.bin/nest'), ['build'], { cwd: root, stdio: 'inherit' });
  if (build.status !== 0) process.exit(1);
}

/** The lab's exit code. It ends when this program does: its standard input is the lifeline. */
async function runInSandbox(folder: string): Promise<number> {
  mkdirSync('/run/netns', { recursive: true });
  const flags = ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child=SIGKILL'];
  const lab = join(import.meta.dirname, 'lab.ts');
  const settings = JSON.stringify({
    folder,
    policies: options.policies,
    scenes: options.scene ?? [],
    keep: options.keep,
    merges: Number(options.merges),
  });
  const child = spawn('unshare', [...flags, process.execPath, lab, settings], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  if (options.keep) console.log(`look inside with: nsenter -a -t $(cat /proc/${child.pid}/task/${child.pid}/children)`);
  // Ctrl-C reaches the lab directly, as it is in the same process group; SIGTERM has to be passed on.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.stdin.end());
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

checkMachine();
buildWhenStale();
const folder = mkdtempSync(join(tmpdir(), 'cordon-lab-'));
const code = await runInSandbox(folder);
if (code === 0) rmSync(folder, { recursive: true, force: true });
else console.log(`evidence: ${folder}`);
process.exit(code);
