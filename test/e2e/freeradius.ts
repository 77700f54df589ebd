import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chmodSync, constants, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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

/** The chapters of the guide that FreeRADIUS is set up by. */
const chapters = { both: '## FreeRADIUS, for both', proxy: '## A: FreeRADIUS proxies', rest: '## B: FreeRADIUS asks' };

function chapter(name: keyof typeof chapters): string {
  const [, after] = readFileSync(guide, 'utf8').split(`${chapters[name]}\n`);
  if (after === undefined) throw new Error(`the guide has no chapter \`${chapters[name]}\``);
  return after.split('\n## ', 1)[0]!;
}

/** Files by their paths below Debian's folder, and the commands that enable them. */
export function setUpOf(way: 'proxy' | 'rest') {
  const text = chapter('both') + chapter(way);
  const files = text.matchAll(/^`\/etc\/freeradius\/3\.0\/([\w./-]+)`:\n\n```\n(.*?)^```$/gms);
  const commands = text.matchAll(/^```sh\n(.*?)^```$/gms);
  return {
    files: new Map([...files].map(([, path, content]) => [path!, content!])),
    commands: [...commands].map(([, lines]) => lines!).join(''),
  };
}

export interface FreeradiusSettings {
  readonly folder: string;
  readonly way: 'proxy' | 'rest';
  /** What stands in the guide → what stands for it here. */
  readonly replace: Readonly<Record<string, string>>;
  /** Files besides, by their paths below Debian's folder. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Debian's FreeRADIUS with Debian's configuration and the guide's files over it, on loopback. */
export class Freeradius {
  private constructor(
    private readonly child: ChildProcess,
    private readonly logFile: string,
  ) {}

  static async start(settings: FreeradiusSettings): Promise<Freeradius> {
    const raddb = writeConfiguration(settings);
    const logFile = join(settings.folder, 'radius.log');
    const args = ['-d', raddb, '-n', 'radiusd', '-f', '-xx', '-l', logFile];
    const server = new Freeradius(spawn('freeradius', args, { stdio: 'ignore' }), logFile);
    for (let waited = 0; !server.log.includes('Ready to process requests'); waited += 50) {
      if (server.child.exitCode !== null || waited > 25_000) {
        await server.end();
        throw new Error(`FreeRADIUS does not start:\n${server.log.slice(-3000)}`);
      }
      await sleep(50);
    }
    return server;
  }

  /** What it said so far, with every request in full. */
  get log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  /** What Cordon told it of refusals. */
  get reasons(): string[] {
    return [...this.log.matchAll(/"Cordon: ([^"]*)"/g)].map(([, reason]) => reason!);
  }

  /** With rlm_rest it may not hear SIGTERM. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }
}

function writeConfiguration({ folder, way, replace, files = {} }: FreeradiusSettings): string {
  const raddb = join(folder, 'raddb');
  cpSync(debian, raddb, { recursive: true, verbatimSymlinks: true });
  const inHere = (text: string): string =>
    Object.entries(replace).reduce((changed, [from, to]) => changed.replaceAll(from, to), text);
  const guided = setUpOf(way);
  for (const [path, content] of guided.files) write(raddb, path, inHere(content));
  for (const [path, content] of Object.entries(files)) write(raddb, path, content);
  execFileSync('sh', ['-e', '-c', guided.commands.replaceAll(debian, raddb)]);
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
