import { spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { updateReply, usersEntry } from './grant.ts';
import { hasPostgres, startPostgres } from './postgres.ts';
import { end, freePort, launch, mustRun, secret, until, type Side } from './side.ts';

const configurations = join(import.meta.dirname, 'freeradius');
const modules = '/usr/lib/freeradius';

export const hasFreeradius = (): boolean => spawnSync('freeradius', ['-v']).status === 0;
export const hasSql = (): boolean => existsSync(`${modules}/rlm_sql_postgresql.so`) && hasPostgres();
export const hasRest = (): boolean => existsSync(`${modules}/rlm_rest.so`);

/** FreeRADIUS with one of the configurations beside this file. */
async function startFreeradius(
  kind: 'files' | 'sql' | 'rest' | 'eap',
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const port = await freePort();
  const own = { BENCH_FOLDER: folder, BENCH_PORT: `${port}`, BENCH_SECRET: secret };
  const options = { env: { PATH: process.env['PATH'] ?? '', ...own, ...env } };
  const args = ['-d', configurations, '-n', kind];
  mustRun('freeradius', [...args, '-C', '-l', 'stdout'], options);
  const logFile = join(folder, 'radius.log');
  const child = launch('freeradius', [...args, '-f', '-l', logFile], options);
  const isReady = (): boolean => existsSync(logFile) && readFileSync(logFile, 'utf8').includes('Ready to process');
  try {
    await until(isReady, 'FreeRADIUS starts', child);
  } catch (error) {
    await end(child);
    throw error;
  }
  return { child, port };
}

function newFolder(parent: string, name: string): string {
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

export async function startFiles(parent: string, macs: readonly string[]): Promise<Side> {
  const folder = newFolder(parent, 'files');
  writeFileSync(join(folder, 'users'), `${macs.map(usersEntry).join('\n\n')}\n`);
  const { child, port } = await startFreeradius('files', folder);
  return { name: 'FreeRADIUS files', roots: [child.pid!], port, close: () => end(child) };
}

export async function startSql(parent: string, macs: readonly string[]): Promise<Side> {
  const folder = newFolder(parent, 'sql');
  const database = await startPostgres(macs);
  try {
    const { child, port } = await startFreeradius('sql', folder, { BENCH_POSTGRES: database.socketFolder });
    const close = async (): Promise<void> => {
      await end(child);
      await database.close();
    };
    return { name: 'FreeRADIUS SQL', roots: [child.pid!, database.child.pid!], port, close };
  } catch (error) {
    await database.close();
    throw error;
  }
}

export async function startRest(parent: string, macs: readonly string[]): Promise<Side> {
  const folder = newFolder(parent, 'rest');
  writeFileSync(join(folder, 'macs'), macs.join('\n'));
  const service = launch(process.execPath, [join(import.meta.dirname, 'rest-service.ts'), folder], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    const portFile = join(folder, 'rest-port');
    await until(
      () => existsSync(portFile) && readFileSync(portFile, 'utf8') !== '',
      'the REST service starts',
      service,
    );
    const url = `http://127.0.0.1:${readFileSync(portFile, 'utf8')}`;
    const { child, port } = await startFreeradius('rest', folder, { BENCH_REST: url });
    const close = async (): Promise<void> => {
      await end(child);
      await end(service);
    };
    return { name: 'FreeRADIUS REST', roots: [child.pid!, service.pid!], port, close };
  } catch (error) {
    await end(service);
    throw error;
  }
}

export interface EapFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
  readonly revocationList: string;
  readonly tls: '1.2' | '1.3';
  readonly resumes: boolean;
}

export async function startEap(parent: string, files: EapFiles): Promise<Side> {
  const folder = newFolder(parent, 'eap');
  writeFileSync(join(folder, 'reply'), `${updateReply()}\n`);
  const authority = join(folder, 'authority.pem');
  // It finds the revocation list beside the authority in one file.
  writeFileSync(
    authority,
    [files.authority, files.revocationList].map((file) => readFileSync(file, 'utf8')).join('\n'),
  );
  const { child, port } = await startFreeradius('eap', folder, {
    BENCH_CERTIFICATE: files.certificate,
    BENCH_KEY: files.key,
    BENCH_AUTHORITY: authority,
    BENCH_TLS: files.tls,
    BENCH_RESUMPTION: files.resumes ? 'yes' : 'no',
  });
  return { name: 'FreeRADIUS', roots: [child.pid!], port, close: () => end(child) };
}
