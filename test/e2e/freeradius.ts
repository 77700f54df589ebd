import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where Debian's package has its configuration, and what the guide writes over it. */
const debian = '/etc/freeradius/3.0';
const guide = join(import.meta.dirname, '../../docs/beside-freeradius.md');

/** Debian's freeradius and freeradius-rest, and their configuration readable. A missing peer is an error where the tests count. */
export function hasFreeradius(): boolean {
  const isThere =
    spawnSync('freeradius', ['-v']).status === 0 && existsSync('/usr/lib/freeradius/rlm_rest.so') && isReadable();
  if (!isThere && process.env['CI'])
    throw new Error(`freeradius is missing: install freeradius and freeradius-rest, and be root or of group freerad`);
  return isThere;
}

function isReadable(): boolean {
  try {
    accessSync(`${debian}/radiusd.conf`, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** The files of docs/beside-freeradius.md, by their paths below Debian's folder. */
export function filesOfGuide(): ReadonlyMap<string, string> {
  const text = readFileSync(guide, 'utf8');
  const blocks = text.matchAll(/^`\/etc\/freeradius\/3\.0\/([\w./-]+)`:\n\n```\n(.*?)^```$/gms);
  return new Map([...blocks].map(([, path, content]) => [path!, content!]));
}

export interface FreeradiusSettings {
  readonly folder: string;
  /** Names of files of the guide that are enabled. */
  readonly sites: readonly string[];
  readonly modules: readonly string[];
  /** What stands in the guide → what stands for it here. */
  readonly replace: Readonly<Record<string, string>>;
  /** Files besides, by their paths below Debian's folder. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Debian's FreeRADIUS with Debian's configuration and the guide's files over it, on loopback. */
export class Freeradius {
  private constructor(
    private readonly child: ChildProcess,
    private readonly output: string[],
  ) {}

  static async start(settings: FreeradiusSettings): Promise<Freeradius> {
    const raddb = writeConfiguration(settings);
    const args = ['-d', raddb, '-n', 'radiusd', '-f', '-X'];
    const child = spawn('freeradius', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(String(chunk)));
    const server = new Freeradius(child, output);
    for (let waited = 0; !server.log.includes('Ready to process requests'); waited += 50) {
      if (child.exitCode !== null || waited > 15_000) {
        await server.end();
        throw new Error(`FreeRADIUS does not start:\n${server.log.slice(-3000)}`);
      }
      await sleep(50);
    }
    return server;
  }

  /** What it said so far, with every request in full. */
  get log(): string {
    return this.output.join('');
  }

  /** With rlm_rest it may not hear SIGTERM. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }
}

function writeConfiguration({ folder, sites, modules, replace, files = {} }: FreeradiusSettings): string {
  const raddb = join(folder, 'raddb');
  rmSync(raddb, { recursive: true, force: true });
  cpSync(debian, raddb, { recursive: true, verbatimSymlinks: true });
  const inHere = (text: string): string =>
    Object.entries(replace).reduce((changed, [from, to]) => changed.replaceAll(from, to), text);
  for (const [path, content] of filesOfGuide()) write(raddb, path, inHere(content));
  for (const [path, content] of Object.entries(files)) write(raddb, path, content);
  for (const name of readdirSync(join(raddb, 'sites-enabled'))) rmSync(join(raddb, 'sites-enabled', name));
  for (const name of sites) symlinkSync(`../sites-available/${name}`, join(raddb, 'sites-enabled', name));
  for (const name of modules) {
    rmSync(join(raddb, 'mods-enabled', name), { force: true });
    symlinkSync(`../mods-available/${name}`, join(raddb, 'mods-enabled', name));
  }
  // Its own folders, and whoever runs the test instead of the user `freerad`.
  const main = readFileSync(join(raddb, 'radiusd.conf'), 'utf8')
    .replaceAll(/^(\s*)(user|group) = .*$/gm, '')
    .replace(/^raddbdir = .*$/m, `raddbdir = ${raddb}`)
    .replace(/^logdir = .*$/m, `logdir = ${folder}`)
    .replace(/^run_dir = .*$/m, `run_dir = ${folder}`);
  write(raddb, 'radiusd.conf', main);
  return raddb;
}

function write(raddb: string, path: string, content: string): void {
  const file = join(raddb, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, 0o600);
}
