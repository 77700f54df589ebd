import { spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grant, userName } from './grant.ts';
import { end, launch, mustRun, until } from './side.ts';

const schemaFile = '/etc/freeradius/3.0/mods-config/sql/main/postgresql/schema.sql';
const versions = '/usr/lib/postgresql';

/** Debian keeps the server's programs out of the PATH; null: there are none. */
function programs(): string | null {
  if (!existsSync(versions)) return null;
  const found = readdirSync(versions).sort((a, b) => Number(b) - Number(a))[0];
  return found === undefined ? null : join(versions, found, 'bin');
}

export const hasPostgres = (): boolean => programs() !== null && spawnSync('psql', ['--version']).status === 0;

/** Whom the database runs as: it refuses to be root. */
function owner(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid!() !== 0) return null;
  const id = (option: string): number => Number(spawnSync('id', [option, 'postgres'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
}

/**
 * A cluster of its own, reached by a socket in its folder and by nothing else, with PostgreSQL's default settings and the devices
 * in `radcheck` and `radreply`. All of it fits into memory, and nothing is written while it is measured.
 */
export async function startPostgres(
  macs: readonly string[],
): Promise<{ readonly child: ChildProcess; readonly socketFolder: string; readonly close: () => Promise<void> }> {
  const bin = programs()!;
  const who = owner();
  // Of its own, because its owner could not get into one of ours.
  const socketFolder = mkdtempSync(join(tmpdir(), 'cordon-bench-pg-'));
  if (who) chownSync(socketFolder, who.uid, who.gid);
  const data = join(socketFolder, 'data');
  const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8' };
  const options = { ...who, env, cwd: '/' };
  const settings = ['listen_addresses=', `unix_socket_directories=${socketFolder}`, 'port=5432'];
  let child: ChildProcess | null = null;
  const close = async (): Promise<void> => {
    if (child) await end(child, 'SIGINT');
    rmSync(socketFolder, { recursive: true });
  };
  try {
    mustRun(join(bin, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust', '--no-sync', '-E', 'UTF8'], options);
    child = launch(join(bin, 'postgres'), ['-D', data, ...settings.flatMap((text) => ['-c', text])], options);
    const psql = ['-h', socketFolder, '-U', 'bench', '-v', 'ON_ERROR_STOP=1', '-q'];
    await until(
      () => spawnSync('psql', [...psql, '-d', 'postgres', '-c', 'select 1'], options).status === 0,
      'PostgreSQL starts',
      child,
    );
    mustRun('psql', [...psql, '-d', 'postgres', '-c', 'create database bench'], options);
    mustRun('psql', [...psql, '-d', 'bench', '-f', '-'], { ...options, input: contentOf(macs) });
    return { child, socketFolder, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function contentOf(macs: readonly string[]): string {
  const rows = macs.flatMap((mac) =>
    grant.map(([name, operator, value]) => `${userName(mac)}\t${name}\t${operator}\t${value}`),
  );
  return [
    readFileSync(schemaFile, 'utf8'),
    'copy radcheck (UserName, Attribute, op, Value) from stdin;',
    ...macs.map((mac) => `${userName(mac)}\tAuth-Type\t:=\tAccept`),
    '\\.',
    'copy radreply (UserName, Attribute, op, Value) from stdin;',
    ...rows,
    '\\.',
    'vacuum analyze;',
    '',
  ].join('\n');
}
