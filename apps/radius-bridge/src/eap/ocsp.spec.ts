import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestAuthority } from '../../../../test/authority.js';
import { OcspClient, type Post, type Responder } from './ocsp.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl && process.env['CI']) throw new Error('openssl is missing');

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

describe.skipIf(!hasOpenssl)('asking OpenSSL’s responder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-ocsp-'));
  const authority = new TestAuthority(join(folder, 'own'), 'ecdsa');
  const other = new TestAuthority(join(folder, 'other'), 'ecdsa', 'other');
  const certificateIn = (file: string): X509Certificate => new X509Certificate(readFileSync(file));
  const issuer = certificateIn(authority.certificate);
  const good = certificateIn(authority.issue('good', 'clientAuth', 'good.test').certificate);
  const revokedFile = authority.issue('revoked', 'clientAuth', 'revoked.test').certificate;
  const revoked = certificateIn(revokedFile);
  const children: ChildProcess[] = [];
  let responder: Responder;

  const startResponder = async (by: TestAuthority, signer = by): Promise<Responder> => {
    const port = await freePort();
    const file = (name: string, of = by): string => join(of.certificate, '..', name);
    const child = spawn(
      'openssl',
      [
        ['ocsp', '-port', `${port}`, '-nmin', '5', '-index', file('index.txt'), '-CA', by.certificate],
        ['-rsigner', signer.certificate, '-rkey', file('ca.key', signer), '-ignore_err'],
      ].flat(),
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    children.push(child);
    const url = `http://127.0.0.1:${port}/`;
    // It says so once it listens, and it does not survive a connection without a request.
    const lines = createInterface({ input: child.stderr });
    await new Promise<void>((resolve) => lines.on('line', (line) => line.includes('waiting for') && resolve()));
    return { url, unreachable: 'refuse' };
  };

  beforeAll(async () => {
    authority.revoke(revokedFile);
    responder = await startResponder(authority);
  });

  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  it('tells the revoked from the good', async () => {
    const client = new OcspClient(Date.now);
    expect(await client.check(good, issuer, responder)).toBeNull();
    expect(await client.check(revoked, issuer, responder)).toBe('the certificate is revoked');
  });

  it('asks again only when the answer has aged', async () => {
    let now = Date.now();
    let count = 0;
    const counting: Post = async (url, body) => {
      count++;
      const answer = await fetch(url, { method: 'POST', body: new Uint8Array(body) });
      return Buffer.from(await answer.arrayBuffer());
    };
    const client = new OcspClient(() => now, counting);
    await Promise.all([client.check(good, issuer, responder), client.check(good, issuer, responder)]);
    await client.check(good, issuer, responder);
    expect(count).toBe(1);
    now += 290_000;
    await client.check(good, issuer, responder);
    expect(count).toBe(1);
    now += 15_000;
    await client.check(good, issuer, responder);
    expect(count).toBe(2);
  });

  it('believes no responder that the issuer did not make one', async () => {
    const stranger = await startResponder(authority, other);
    expect(await new OcspClient(Date.now).check(good, issuer, stranger)).toMatch(/not signed by the issuer/);
  });

  it('believes no answer to another question, about another certificate or of another day', async () => {
    let kept: Buffer | null = null;
    const ask = async (url: string, body: Buffer): Promise<Buffer> => {
      const answer = await fetch(url, { method: 'POST', body: new Uint8Array(body) });
      return Buffer.from(await answer.arrayBuffer());
    };
    const replaying: Post = async (url, body) => (kept ??= await ask(url, body));
    expect(await new OcspClient(Date.now, replaying).check(good, issuer, responder)).toBeNull();
    expect(await new OcspClient(Date.now, replaying).check(revoked, issuer, responder)).toMatch(/another question/);
    const later = Date.now() + 3_600_000;
    expect(await new OcspClient(() => later, ask).check(good, issuer, responder)).toMatch(/not of today/);
  });

  it('does not know a certificate that was never issued', async () => {
    // Serial numbers of both authorities begin alike: the third is nobody's at the own one.
    const issued = ['a', 'b', 'c'].map((name) => other.issue(name, 'clientAuth', `${name}.test`).certificate);
    const foreign = certificateIn(issued.at(-1)!);
    expect(await new OcspClient(Date.now).check(foreign, issuer, responder)).toBe(
      'the responder does not know the certificate',
    );
  });

  it('refuses while nobody answers, unless the policy says otherwise', async () => {
    const nobody = { url: `http://127.0.0.1:${await freePort()}/`, unreachable: 'refuse' } as const;
    expect(await new OcspClient(Date.now).check(good, issuer, nobody)).toMatch(/does not answer/);
    expect(await new OcspClient(Date.now).check(good, issuer, { ...nobody, unreachable: 'accept' })).toBeNull();
  });

  it.each([
    ['nonsense', 200, Buffer.from('<html>')],
    ['an error', 500, Buffer.alloc(0)],
    ['something endless', 200, Buffer.alloc(100_000)],
    ['that it is too busy', 200, Buffer.from('30030a0103', 'hex')],
  ])('refuses where the answer is %s', async (_, status, body) => {
    const server: Server = createServer((_request, response) => response.writeHead(status).end(body));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const reason = await new OcspClient(Date.now).check(good, issuer, { url, unreachable: 'refuse' });
    server.close();
    expect(reason).toMatch(/is not known/);
  });
});
