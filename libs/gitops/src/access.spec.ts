import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveGit } from '#testkit';
import { accessForGit, type Access } from './access.js';
import { SourceFault } from './source-fault.js';
import { faultOf, Repository } from './testdata/repository.js';

const none: Access = { sshKeyFile: null, knownHostsFile: null, tokenFile: null };

let repository: Repository;
beforeEach(() => {
  repository = new Repository();
});
afterEach(() => repository.remove());

describe('access by SSH', () => {
  it('is by that key, and to known hosts only', () => {
    const { variables } = accessForGit(
      { ...none, sshKeyFile: '/etc/my key', knownHostsFile: '/etc/known hosts' },
      'h:p',
    );
    const seen = execFileSync('sh', ['-c', `${variables['GIT_SSH_COMMAND']} -G git.example.org`], { encoding: 'utf8' });
    const lines = seen.split('\n');
    expect(lines).toContain('identityfile /etc/my key');
    expect(lines).toContain('identitiesonly yes');
    expect(lines).toContain('batchmode yes');
    expect(lines).toContain('stricthostkeychecking true');
    expect(lines).toContain('userknownhostsfile /etc/known hosts');
  });

  it.each([`/etc/a'b`, '/etc/a"b', '/etc/%h', '/etc/$HOME', '/etc/a\nb', '~/key', '-oProxyCommand=x'])(
    'refuses the path %j, which a shell or ssh would read in another way',
    (path) => {
      expect(() => accessForGit({ ...none, sshKeyFile: path }, 'h:p')).toThrow(SourceFault);
      expect(() => accessForGit({ ...none, knownHostsFile: path }, 'h:p')).toThrow(SourceFault);
    },
  );
});

const sshd = ['/usr/sbin/sshd', '/usr/bin/sshd'].find((path) => existsSync(path));

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });

describe.skipIf(sshd === undefined)('a server of SSH', () => {
  let server: ChildProcess;
  let url: string;
  let access: Access;

  const keyPair = (name: string): string => {
    const file = join(repository.root, name);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    return file;
  };

  beforeEach(async () => {
    const [host, user] = [keyPair('host'), keyPair('user')];
    const port = await freePort();
    const config = join(repository.root, 'sshd_config');
    const lines = {
      Port: port,
      ListenAddress: '127.0.0.1',
      HostKey: host,
      AuthorizedKeysFile: `${user}.pub`,
      StrictModes: 'no',
      UsePAM: 'no',
      PasswordAuthentication: 'no',
      PermitRootLogin: 'yes',
      PidFile: 'none',
    };
    writeFileSync(
      config,
      Object.entries(lines)
        .map((line) => `${line.join(' ')}\n`)
        .join(''),
    );
    server = spawn(sshd!, ['-D', '-f', config], { stdio: 'ignore' });
    for (let i = 0; i < 100 && !(await answers(port)); i++) await pause(50);
    const known = join(repository.root, 'known_hosts');
    writeFileSync(known, `[127.0.0.1]:${port} ${readFileSync(`${host}.pub`, 'utf8')}`);
    access = { ...none, sshKeyFile: user, knownHostsFile: known };
    url = `ssh://${userInfo().username}@127.0.0.1:${port}${repository.folder}`;
  });

  afterEach(() => {
    server.kill();
  });

  it('lets in the one who has the key', async () => {
    const commit = repository.commit({ 'rules/a.csv': 'p' });
    const source = repository.source({ repository: url, access });
    expect((await source.fetch(null)).commit).toBe(commit);
  });

  it('does not let in who has another key, and is not trusted with another key of its own', async () => {
    repository.commit({ 'rules/a.csv': 'p' });
    const other = repository.source({ repository: url, access: { ...access, sshKeyFile: keyPair('eve') } });
    expect((await faultOf(other.fetch(null))).code).toBe('authentication');
    const [, port] = /:(\d+)\//.exec(url)!;
    const known = readFileSync(`${keyPair('mallory')}.pub`, 'utf8');
    writeFileSync(access.knownHostsFile!, `[127.0.0.1]:${port} ${known}`);
    expect((await faultOf(repository.source({ repository: url, access }).fetch(null))).code).toBe('authentication');
  });

  it('is not told a key that others may read, and why is said', async () => {
    repository.commit({ 'rules/a.csv': 'p' });
    chmodSync(access.sshKeyFile!, 0o644);
    const fault = await faultOf(repository.source({ repository: url, access }).fetch(null));
    expect(fault).toMatchObject({ code: 'authentication', hint: expect.stringContaining('chmod 600') as string });
  });
});

/** A server of git over HTTPS that lets in only who has this token. */
async function serve(token: string, seen: string[]): Promise<{ server: Server; home: string; port: number }> {
  const [key, cert, home] = ['key.pem', 'cert.pem', 'home'].map((name) => join(repository.root, name)) as [
    string,
    string,
    string,
  ];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync('openssl', [...args, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  mkdirSync(home);
  writeFileSync(
    join(home, '.gitconfig'),
    `[http]\n\tsslCAInfo = ${cert}\n[credential]\n\thelper = "!echo password=wrong"\n`,
  );
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    const { authorization = '' } = request.headers;
    const [user, password] = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':');
    seen.push(`${user}`);
    if (password !== token) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    void serveGit(repository.root, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return { server, home, port: (server.address() as AddressInfo).port };
}

describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('access by HTTPS', () => {
  const token = `glpat-${'x'.repeat(20)}`;
  let server: Server;
  let home: string;
  let port: number;
  let tokenFile: string;
  let seen: string[];

  beforeEach(async () => {
    seen = [];
    ({ server, home, port } = await serve(token, seen));
    tokenFile = join(repository.root, 'token');
    writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const source = (user = '') =>
    repository.source({
      repository: `https://${user}localhost:${port}/policy`,
      access: { ...none, tokenFile },
      environment: { ...process.env, HOME: home },
    });

  it('is by the token of the file, whatever helper the user of the controller has', async () => {
    const commit = repository.commit({ 'rules/a.csv': 'p' });
    expect((await source().fetch(null)).commit).toBe(commit);
    expect(new Set(seen)).toEqual(new Set(['', 'x-access-token']));
    const files = execFileSync('grep', ['-rlF', token, repository.root], { encoding: 'utf8' }).trim().split('\n');
    expect(files).toEqual([tokenFile]);
  });

  it('is by the name of the URL, if it has one', async () => {
    repository.commit({ 'rules/a.csv': 'p' });
    await source('deploy@').fetch(null);
    expect(seen).toContain('deploy');
    expect(seen).not.toContain('x-access-token');
  });

  it('is by the token as it is now: one without a line feed, and after it was changed', async () => {
    const commit = repository.commit({ 'rules/a.csv': 'p' });
    writeFileSync(tokenFile, 'stale');
    expect((await faultOf(source().fetch(null))).code).toBe('authentication');
    writeFileSync(tokenFile, token);
    expect((await source().fetch(null)).commit).toBe(commit);
  });

  it('says so, without the token, when it is refused or there is none', async () => {
    writeFileSync(tokenFile, 'wrong-token');
    const fault = await faultOf(source().fetch(null));
    expect(fault.code).toBe('authentication');
    expect(`${fault.message} ${fault.hint}`).not.toContain('wrong-token');
    writeFileSync(tokenFile, '');
    expect((await faultOf(source().fetch(null))).code).toBe('authentication');
  });
});

describe('a token', () => {
  it.each(['/srv/policy.git', 'ssh://git@h/p.git', 'git@h:p.git'])('is refused for %s', (url) => {
    expect(() => accessForGit({ ...none, tokenFile: '/etc/token' }, url)).toThrow(/https:\/\/ repositories only/);
  });
});
