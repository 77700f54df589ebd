import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PolicySource, type PolicySourceOptions } from '../policy-source.js';
import { SourceFault } from '../source-fault.js';

/** A repository to write into, and what else a test keeps in a folder that goes with it. */
export class Repository {
  readonly root = mkdtempSync(join(tmpdir(), 'cordon-gitops-'));
  readonly folder = join(this.root, 'policy');
  readonly mirror = join(this.root, 'mirror');

  constructor() {
    mkdirSync(this.folder);
    this.git('init', '-q', '-b', 'main');
  }

  git(...args: string[]): string {
    return this.gitWith('', ...args);
  }

  gitWith(input: string | Buffer, ...args: string[]): string {
    return execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], {
      cwd: this.folder,
      encoding: 'utf8',
      input,
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['pipe', 'pipe', 'ignore'],
    }).trim();
  }

  write(files: Readonly<Record<string, string | Buffer>>): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, path)), { recursive: true });
      writeFileSync(join(this.folder, path), content);
    }
  }

  /** Answers with the commit. `options` are of `git commit`. */
  commit(files: Readonly<Record<string, string | Buffer>>, ...options: string[]): string {
    this.write(files);
    this.git('add', '-A');
    this.git('commit', '-q', '--allow-empty', '-m', 'change', ...options);
    return this.git('rev-parse', 'HEAD');
  }

  /** Any bytes as an object, also those that git would not make. */
  object(kind: 'blob' | 'tree' | 'commit', content: string | Buffer): string {
    return this.gitWith(content, 'hash-object', '-t', kind, '-w', '--stdin', '--literally');
  }

  /** `main` becomes a commit of that tree. */
  commitTree(tree: string): string {
    const commit = this.git('commit-tree', tree, '-m', 'by hand');
    this.git('update-ref', 'refs/heads/main', commit);
    return commit;
  }

  source(options: Partial<PolicySourceOptions> = {}): PolicySource {
    return new PolicySource({
      repository: this.folder,
      reference: { kind: 'branch', name: 'main' },
      mirror: this.mirror,
      environment: process.env,
      timeoutSeconds: 25,
      limits: { files: 100, bytes: 1_000_000, repositoryBytes: 20_000_000, memoryBytes: 512 * 1024 * 1024 },
      access: { sshKeyFile: null, knownHostsFile: null, tokenFile: null },
      trust: null,
      accept: (path) => /^(rules|catalog)\/.+\.(csv|yaml)$/.test(path),
      ...options,
    });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Of one entry of a tree, as git keeps it. */
export function treeEntry(mode: string, name: string | Buffer, object: string): Buffer {
  return Buffer.concat([Buffer.from(`${mode} `), Buffer.from(name), Buffer.of(0), Buffer.from(object, 'hex')]);
}

/** Throws when it is another error, or none. */
export async function faultOf(action: Promise<unknown>): Promise<SourceFault> {
  const error: unknown = await action.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof SourceFault) return error;
  throw new Error(error === null ? 'nothing is refused' : 'another error', { cause: error });
}
