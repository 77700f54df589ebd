import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { TestAuthority } from '../authority.ts';
import { playGithub } from '../forges/github.ts';
import type { PlayedForge } from '../forges/played-forge.ts';
import { serveGit } from '../../libs/testkit/src/spec/git-http-backend.ts';
import { controllerUrl } from './cordon.ts';
import { run, runToEnd, waitFor, type Daemon, type Daemons, type Ended } from './process.ts';

const root = join(import.meta.dirname, '..', '..');
const sshPort = 2222;
const identity = { name: 'Lab Admin', email: 'lab@hospital.example' };

/**
 * Where the hospital keeps its policy: one repository, real git behind HTTPS (`git http-backend`, with a token) and SSH (sshd, with a key), and
 * GitHub's interface as test/forges plays it. It merges, and tells the controller of it.
 */
export class LabForge {
  readonly hub: PlayedForge = playGithub();
  private readonly folder: string;
  private readonly daemons: Daemons;
  private readonly readToken = randomBytes(20).toString('hex');
  private readonly hookSecret = randomBytes(32).toString('hex');
  private server: Server | null = null;
  private sshd: Daemon | null = null;

  constructor(folder: string, daemons: Daemons) {
    this.folder = join(folder, 'forge');
    this.daemons = daemons;
  }

  /** With the history of this repository. */
  async start(from: string): Promise<void> {
    mkdirSync(join(this.folder, 'home'), { recursive: true });
    await run(['git', 'clone', '-q', '--bare', from, this.repository]);
    await this.hub.start();
    await this.startHttps();
    await this.startSsh();
    const { name, email } = identity;
    const http = `[http]\n\tsslCAInfo = ${this.path('authority/ca.pem')}\n`;
    const safe = '[safe]\n\tdirectory = *\n';
    writeFileSync(this.path('home/.gitconfig'), `${http}${safe}[user]\n\tname = ${name}\n\temail = ${email}\n`);
    writeFileSync(this.path('read-token'), `${this.readToken}\n`, { mode: 0o600 });
    writeFileSync(this.path('hook-secret'), `${this.hookSecret}\n`, { mode: 0o600 });
    writeFileSync(this.path('forge-token'), `${this.hub.token}\n`, { mode: 0o600 });
  }

  async stop(): Promise<void> {
    this.hub.stop();
    this.server?.closeAllConnections();
    this.server?.close();
    await this.sshd?.stop();
  }

  /** What a controller is told, that takes its policy from here. */
  get settings(): Readonly<Record<string, string>> {
    return {
      HOME: this.path('home'),
      CORDON_POLICY_REPOSITORY: this.url,
      CORDON_POLICY_TOKEN_FILE: this.path('read-token'),
      CORDON_HOOK_SECRET_FILE: this.path('hook-secret'),
      CORDON_FORGE: 'github',
      CORDON_FORGE_URL: this.hub.url,
      CORDON_FORGE_PROJECT: this.hub.project,
      CORDON_FORGE_TOKEN_FILE: this.path('forge-token'),
      CORDON_INSTALLATION: 'lab',
    };
  }

  /** For git as a person has it, whatever this machine has set. */
  private get env(): Readonly<Record<string, string>> {
    return { HOME: this.path('home'), GIT_SSL_CAINFO: this.path('authority/ca.pem') };
  }

  /** A person's own clone, by SSH. */
  async clone(name: string): Promise<Clone> {
    const clone = new Clone(this.path(name), {
      ...this.env,
      GIT_SSH_COMMAND: `ssh -i ${this.path('admin')} -o IdentitiesOnly=yes -o UserKnownHostsFile=${this.path('known_hosts')} -o StrictHostKeyChecking=yes`,
    });
    await run(['git', 'clone', '-q', `ssh://root@127.0.0.1:${sshPort}${this.repository}`, clone.folder], {
      env: clone.env,
    });
    return clone;
  }

  /**
   * The check of a pull request as its runner does it: a clone of its own, by HTTPS, of what a merge would make, and then the shipped recipe.
   */
  async check(branch: string, labels: readonly string[]): Promise<Ended & { readonly change: string }> {
    const [base, head] = [await this.hashOf('main'), await this.hashOf(branch)];
    const work = new Clone(this.path(`run-${randomUUID()}`), this.env);
    await run(['git', 'clone', '-q', this.urlWithToken, work.folder], { env: work.env });
    await work.git('checkout', '-q', '--detach', base);
    await work.git('merge', '-q', '--no-ff', '-m', 'a trial', head);
    const sha = (await work.git('rev-parse', 'HEAD')).trim();
    const repo = { full_name: this.hub.project };
    const pull = { number: 1, base: { sha: base, repo }, head: { sha: head, repo } };
    const event = { pull_request: { ...pull, labels: labels.map((name) => ({ name })) } };
    const eventFile = join(work.folder, '.git', 'event.json');
    writeFileSync(eventFile, JSON.stringify(event));
    const ended = await runToEnd(['sh', join(root, 'ci/plan.sh')], {
      cwd: work.folder,
      env: {
        ...this.env,
        GITHUB_ACTIONS: 'true',
        GITHUB_EVENT_NAME: 'pull_request',
        GITHUB_EVENT_PATH: eventFile,
        GITHUB_API_URL: `${this.hub.url}/api/v3`,
        GITHUB_REPOSITORY: this.hub.project,
        GITHUB_SHA: sha,
        CORDON_POLICY: '.',
        CORDON_OUT: join(work.folder, '.git', 'plan'),
        CORDON_FORGE_TOKEN: this.hub.token,
      },
    });
    const result = readFileSync(join(work.folder, '.git', 'plan', 'result.json'), 'utf8');
    return { ...ended, change: (JSON.parse(result) as { change: string }).change };
  }

  /** Lets the interface know a commit that was pushed: it plays no git of its own. */
  async knows(branch: string): Promise<string> {
    const commit = await this.hashOf(branch);
    this.hub.commits.add(commit);
    return commit;
  }

  /** As the button does: a merge commit on `main`, and a delivery of the webhook. With the instant at which `main` moved. */
  async merge(branch: string): Promise<{ readonly commit: string; readonly at: number }> {
    const [base, head] = [await this.hashOf('main'), await this.hashOf(branch)];
    const tree = (await this.git('merge-tree', '--write-tree', base, head)).trim();
    const parents = ['-p', base, '-p', head];
    const commit = (await this.git('commit-tree', tree, ...parents, '-m', `Merge branch '${branch}'`)).trim();
    this.hub.commits.add(commit);
    await this.git('update-ref', 'refs/heads/main', commit, base);
    const at = Date.now();
    await this.deliver(base, commit);
    return { commit, at };
  }

  private async deliver(before: string, after: string): Promise<void> {
    const body = JSON.stringify({ ref: 'refs/heads/main', before, after });
    const response = await fetch(`${controllerUrl}/api/v1/hooks/github`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-github-delivery': randomUUID(),
        'x-hub-signature-256': `sha256=${createHmac('sha256', this.hookSecret).update(body).digest('hex')}`,
      },
      body,
    });
    if (response.status !== 202) throw new Error(`the hook answered ${response.status}: ${await response.text()}`);
  }

  private async startHttps(): Promise<void> {
    const authority = new TestAuthority(this.path('authority'), 'ecdsa');
    const { certificate, key } = authority.issue('localhost', 'serverAuth', 'localhost');
    const expected = `Basic ${Buffer.from(`x-access-token:${this.readToken}`).toString('base64')}`;
    const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
    this.server = createServer(tls, (request, response) => {
      if (request.headers.authorization === expected) void serveGit(this.folder, request, response);
      else response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    }).listen(0, 'localhost');
    await once(this.server, 'listening');
  }

  private async startSsh(): Promise<void> {
    for (const name of ['host', 'admin'])
      await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', this.path(name)]);
    const lines = {
      Port: sshPort,
      ListenAddress: '127.0.0.1',
      HostKey: this.path('host'),
      AuthorizedKeysFile: this.path('admin.pub'),
      StrictModes: 'no',
      UsePAM: 'no',
      PasswordAuthentication: 'no',
      PermitRootLogin: 'yes',
      PidFile: 'none',
    };
    const config = this.path('sshd_config');
    writeFileSync(
      config,
      `${Object.entries(lines)
        .map((line) => line.join(' '))
        .join('\n')}\n`,
    );
    const host = readFileSync(this.path('host.pub'), 'utf8');
    writeFileSync(this.path('known_hosts'), `[127.0.0.1]:${sshPort} ${host}`);
    mkdirSync('/run/sshd', { recursive: true });
    this.sshd = this.daemons.start('sshd', ['/usr/sbin/sshd', '-D', '-e', '-f', config]);
    await this.sshd.saying('Server listening');
  }

  private get url(): string {
    return `https://localhost:${(this.server!.address() as AddressInfo).port}/policy.git`;
  }

  private get urlWithToken(): string {
    return this.url.replace('https://', `https://x-access-token:${this.readToken}@`);
  }

  private get repository(): string {
    return this.path('policy.git');
  }

  /** For whoever goes on with the repository when the forge is gone. */
  get folderOfRepository(): string {
    return this.repository;
  }

  async hashOf(branch: string): Promise<string> {
    return (await this.git('rev-parse', `refs/heads/${branch}`)).trim();
  }

  /** Until the interface heard this of a commit. */
  async told(commit: string, context: string, state: string, milliseconds = 30_000): Promise<void> {
    await waitFor(`the forge to be told \`${state}\` of ${commit.slice(0, 12)}`, milliseconds, () => {
      const ours = this.hub.statuses.filter((status) => status.sha === commit && status.context === context);
      return ours.at(-1)?.state === state;
    });
  }

  private git(...args: string[]): Promise<string> {
    const { name, email } = identity;
    return run(['git', '-C', this.repository, '-c', `user.name=${name}`, '-c', `user.email=${email}`, ...args]);
  }

  private path(name: string): string {
    return join(this.folder, name);
  }
}

/** A work tree of somebody. */
export class Clone {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.env = env;
  }

  git(...args: string[]): Promise<string> {
    return run(['git', ...args], { cwd: this.folder, env: this.env });
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8');
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }

  /** Commits all that was changed to this branch, made anew from `main` where it is not there, and pushes it. */
  async push(branch: string, message: string): Promise<void> {
    await this.git('add', '-A');
    await this.git('commit', '-q', '-m', message);
    await this.git('push', '-q', 'origin', `HEAD:refs/heads/${branch}`);
  }
}
