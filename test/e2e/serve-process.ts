import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const bin = join(import.meta.dirname, '../../bin/cordon.js');

/** `cordon serve`: controller and bridge with the sample hospital, on ports that were free. */
export class ServeProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly controller: string,
    readonly bridge: string,
    readonly authenticationPort: number,
    readonly adminToken: string,
    readonly radiusSecret: string,
  ) {}

  static async start(
    folder: string,
    env: Readonly<Record<string, string>> = {},
    options: readonly string[] = [],
  ): Promise<ServeProcess> {
    const [http, authentication, accounting] = [await freePair(), await freePair(), await freePair()];
    const data = join(folder, 'data');
    const ports = ['--http', `127.0.0.1:${http}`, '--auth-port', `${authentication}`, '--acct-port', `${accounting}`];
    const child = spawn(process.execPath, [bin, 'serve', '--data', data, ...ports, ...options], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    const up = new Promise<void>((done) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        lines.push(line);
        if (line.includes('stop with Ctrl-C')) done();
      });
    });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`serve ended:\n${lines.join('\n')}`)));
    ended.catch(() => undefined);
    await Promise.race([up, ended]);
    const token = /admin token +(\S+)/.exec(lines.join('\n'))?.[1] ?? '';
    const secret = readFileSync(join(data, 'radius-secret-demo'), 'utf8').trim();
    const urls = [http, http + 1].map((port) => `http://127.0.0.1:${port}`);
    return new ServeProcess(child, urls[0]!, urls[1]!, authentication, token, secret);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await gone;
  }
}

/** A port that is free now, with a free one above it. */
export async function freePair(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const above = createServer();
    const isFree = await new Promise<boolean>((done) => {
      above.once('error', () => done(false)).listen(port + 1, '127.0.0.1', () => done(true));
    });
    above.close();
    server.close();
    if (isFree) return port;
  }
  throw new Error('no two free ports beside each other');
}
