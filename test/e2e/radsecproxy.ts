import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';

export interface ProxySettings {
  /** Where its configuration goes. */
  readonly file: string;
  /** PEM files. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  /** Of the switches that ask it by UDP. */
  readonly secret: string;
  /** RADIUS over TLS of the server that it asks. */
  readonly server: { readonly port: number; readonly name: string };
  readonly tls: '1.2' | '1.3';
}

/** Debian's radsecproxy; a CI run must not skip what needs it. */
export function hasRadsecproxy(): boolean {
  const isThere = spawnSync('radsecproxy', ['-v']).error === undefined;
  if (!isThere && process.env['CI']) throw new Error('radsecproxy is missing: install radsecproxy');
  return isThere;
}

/** A real proxy of another make between switches by UDP and a server by TLS. */
export class Radsecproxy {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
    readonly log: readonly string[],
  ) {}

  static async start({ file, authority, certificate, key, secret, server, tls }: ProxySettings): Promise<Radsecproxy> {
    const port = await freePort();
    const version = tls === '1.3' ? 'TLS1_3' : 'TLS1_2';
    writeFileSync(
      file,
      [
        `ListenUDP 127.0.0.1:${port}`,
        'LogLevel 2',
        `tls default {\n CACertificateFile ${authority}\n CertificateFile ${certificate}\n CertificateKeyFile ${key}\n TlsVersion ${version}\n}`,
        `client 127.0.0.1 {\n type udp\n secret ${secret}\n}`,
        `server ${server.name} {\n host 127.0.0.1\n port ${server.port}\n type tls\n secret radsec\n StatusServer on\n CertificateNameCheck off\n MatchCertificateAttribute SubjectAltName:DNS:/^${server.name.replace('.', '\\.')}$/\n}`,
        `realm * {\n server ${server.name}\n accountingServer ${server.name}\n}`,
      ].join('\n'),
    );
    const child = spawn('radsecproxy', ['-f', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    const log: string[] = [];
    child.stderr.on('data', (text: Buffer) => log.push(text.toString()));
    return new Radsecproxy(port, child, log);
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await gone;
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}
