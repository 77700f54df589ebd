import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Where `build.sh` puts what it builds. */
export const binariesFolder =
  process.env['CORDON_KUBERNETES_CACHE'] ??
  path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'cordon', 'kubernetes');

export const missingBinaries = (): string[] =>
  ['kube-apiserver', 'etcd'].filter((name) => !existsSync(path.join(binariesFolder, name)));

const mostStartMilliseconds = 90_000;

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * A real API server with its etcd, on loopback, with an authority of its own; RBAC is on. There is nothing behind it: no scheduler, no nodes, no
 * network plugin. So objects are checked and stored as everywhere, and no packet moves.
 */
export class ApiServer {
  private folder = '';
  private readonly running: ChildProcess[] = [];
  private ports: { readonly api: number; readonly etcd: number; readonly peer: number } | null = null;

  async start(): Promise<void> {
    if (!this.ports) {
      this.folder = mkdtempSync(path.join(tmpdir(), 'cordon-kube-'));
      this.makeKeys();
      this.ports = { api: await freePort(), etcd: await freePort(), peer: await freePort() };
      this.run('etcd', [
        `--data-dir=${this.file('etcd')}`,
        `--listen-client-urls=http://127.0.0.1:${this.ports.etcd}`,
        `--advertise-client-urls=http://127.0.0.1:${this.ports.etcd}`,
        `--listen-peer-urls=http://127.0.0.1:${this.ports.peer}`,
        '--unsafe-no-fsync',
      ]);
    }
    this.run('kube-apiserver', [
      `--etcd-servers=http://127.0.0.1:${this.ports.etcd}`,
      '--bind-address=127.0.0.1',
      // without this it looks for an interface that leads out of the machine
      '--advertise-address=10.96.255.1',
      '--endpoint-reconciler-type=none',
      `--secure-port=${this.ports.api}`,
      '--insecure-port=0',
      `--tls-cert-file=${this.file('server.pem')}`,
      `--tls-private-key-file=${this.file('server.key')}`,
      `--token-auth-file=${this.file('tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--service-cluster-ip-range=10.96.0.0/16',
      `--service-account-key-file=${this.file('accounts.key')}`,
      `--service-account-signing-key-file=${this.file('accounts.key')}`,
      '--service-account-issuer=https://cordon.test',
      // no controller is there to make the default accounts that it would look for
      '--disable-admission-plugins=ServiceAccount',
    ]);
    const deadline = Date.now() + mostStartMilliseconds;
    while (!(await this.isReady())) {
      if (Date.now() > deadline) throw new Error(`kube-apiserver does not get ready: see ${this.folder}`);
      await pause(200);
    }
  }

  /** The API server alone; what it stored stays. */
  async stopServer(): Promise<void> {
    await end(this.running.pop());
  }

  async dispose(): Promise<void> {
    while (this.running.length > 0) await end(this.running.pop());
    if (this.folder) rmSync(this.folder, { recursive: true });
  }

  /** As a cluster admin, unless another token is given. */
  ask(method: string, at: string, body?: object, token = 'admin-token'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', connection: 'close' };
      const options = { host: '127.0.0.1', port: this.ports?.api, path: at, method, headers, ca: this.read('ca.pem') };
      const sent = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          const isJson = response.headers['content-type']?.includes('json') ?? false;
          resolve({ status: response.statusCode ?? 0, body: isJson ? (JSON.parse(text) as Answer['body']) : { text } });
        });
      });
      sent.on('error', reject);
      sent.end(body && JSON.stringify(body));
    });
  }

  /** As `ask`; throws when the server says no. */
  async must(method: string, at: string, body?: object): Promise<Answer['body']> {
    const answer = await this.ask(method, at, body);
    if (answer.status >= 300) throw new Error(`${method} ${at}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** A kubeconfig file. `authority`: `ca`, or `other`, which vouches for no server. */
  kubeconfig(token: string, { authority = 'ca', port = this.ports?.api } = {}): string {
    const file = this.file(`kubeconfig-${authority}-${port}-${token.slice(-8)}`);
    const named = (kind: string, value: object) => [{ name: 'test', [kind]: value }];
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: named('cluster', {
        server: `https://127.0.0.1:${port}`,
        'certificate-authority': this.file(`${authority}.pem`),
      }),
      users: named('user', { token }),
      contexts: named('context', { cluster: 'test', user: 'test' }),
      'current-context': 'test',
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  private async isReady(): Promise<boolean> {
    const server = this.running.at(-1);
    if (server?.exitCode != null) throw new Error(`kube-apiserver ended: see ${this.folder}`);
    try {
      return (await this.ask('GET', '/readyz')).status === 200;
    } catch {
      return false;
    }
  }

  private run(name: string, options: readonly string[]): void {
    const command = `exec "$0" "$@" >> ${this.file(`${name}.log`)} 2>&1`;
    this.running.push(
      spawn('/bin/sh', ['-c', command, path.join(binariesFolder, name), ...options], { stdio: 'ignore' }),
    );
  }

  private makeKeys(): void {
    const openssl = (line: string): void => {
      execFileSync('openssl', line.split(' '), { cwd: this.folder, stdio: 'ignore' });
    };
    const key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
    for (const name of ['ca', 'other'])
      openssl(
        `req -x509 ${key} -days 2 -subj /CN=${name} -addext keyUsage=critical,keyCertSign -keyout ${name}.key -out ${name}.pem`,
      );
    openssl(`req ${key} -subj /CN=kube-apiserver -keyout server.key -out server.csr`);
    writeFileSync(this.file('names'), 'subjectAltName=IP:127.0.0.1,IP:10.96.0.1');
    openssl('x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem -extfile names');
    openssl('genrsa -out accounts.key 2048');
    writeFileSync(this.file('tokens.csv'), 'admin-token,admin,admin,"system:masters"\n');
  }

  private file(name: string): string {
    return path.join(this.folder, name);
  }

  private read(name: string): Buffer {
    return readFileSync(this.file(name));
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  // it would wait a minute for those who watch
  const killed = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(killed);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
