/*
 * npm run chaos [-- --minutes N] [--seed N] [--json] [--quiet]
 *
 * See README.md. This file checks the machine and starts chaos.ts in a sandbox of its own, as test/lab/run.ts says.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatSummary, type Settings, type Summary } from './summary.ts';

const root = join(import.meta.dirname, '../..');
const tools = [
  'unshare',
  'ip',
  'nft',
  'conntrack',
  'ssh',
  'ssh-keygen',
  'sshd',
  'ethtool',
  'git',
  'ovsdb-server',
  'ovsdb-tool',
  'ovs-vswitchd',
  'ovs-vsctl',
  'ovs-ofctl',
];

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '15' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    json: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
});

function number(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  throw new Error(`--${name} is \`${text}\`: give a number from ${least} to ${most}`);
}

function checkMachine(): void {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  process.env['PATH'] = folders.join(delimiter);
  const problems = tools
    .filter((tool) => !folders.some((f) => existsSync(join(f, tool))))
    .map((tool) => `missing: ${tool}`);
  if (process.getuid?.() !== 0) problems.push('chaos needs root, for network namespaces');
  if (!existsSync(join(root, 'dist'))) problems.push('not built yet: `npm run build` first');
  if (problems.length === 0) return;
  for (const problem of problems) console.error(problem);
  process.exit(1);
}

/** It ends when this program does: its standard input is the lifeline. */
async function runInSandbox(settings: Settings): Promise<number> {
  mkdirSync('/run/netns', { recursive: true });
  const flags = ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child=SIGKILL'];
  const program = join(import.meta.dirname, 'chaos.ts');
  const child = spawn('unshare', [...flags, process.execPath, program, JSON.stringify(settings)], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.stdin.end());
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

checkMachine();
const folder = mkdtempSync(join(tmpdir(), 'cordon-chaos-'));
const minutes = number('minutes', options.minutes, 0.1, 24 * 60);
const seed = Math.trunc(number('seed', options.seed, 0, 2 ** 31));
console.error(`chaos: seed ${seed}, ${minutes} minutes`);
const code = await runInSandbox({ folder, minutes, seed, isLoud: !options.quiet });
const file = join(folder, 'summary.json');
if (existsSync(file)) {
  const summary = JSON.parse(readFileSync(file, 'utf8')) as Summary;
  console.log(options.json ? JSON.stringify(summary, null, 2) : formatSummary(summary).join('\n'));
}
if (code === 0) rmSync(folder, { recursive: true, force: true });
else console.error(`evidence: ${folder}; again: npm run chaos -- --seed ${seed}`);
process.exit(code);
