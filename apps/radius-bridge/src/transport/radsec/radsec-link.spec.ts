import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { RadsecEntry } from '#policy/snapshot';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MemoryAuthority, type Issued } from '../../../test/certificates.js';
import { Counters } from '../../counters.js';
import { RadsecLink } from './radsec-link.js';
import { readMaterial } from './tls-material.js';

const patience = { timeout: 5000, interval: 10 };
const packet = Buffer.concat([Buffer.from([43, 7, 0, 20]), Buffer.alloc(16)]);
const answer = Buffer.concat([Buffer.from([44, 7, 0, 20]), Buffer.alloc(16)]);
const entry: RadsecEntry = {
  certificate: 'own',
  key: 'key',
  authorities: 'authorities',
  revocationLists: 'lists',
  versions: ['1.2', '1.3'],
  idleTimeout: 600,
};

describe('a connection that the bridge opens to tell a client of changes', () => {
  let authority: MemoryAuthority;
  let own: Issued;
  let files: Record<string, string>;
  const servers: Server[] = [];
  const links: RadsecLink[] = [];

  beforeAll(async () => {
    authority = await MemoryAuthority.create('network');
    own = await authority.issue('CN=bridge', 'clientAuth', []);
    files = {
      own: own.certificate,
      key: own.key,
      authorities: authority.certificate,
      lists: await authority.revocationList(),
    };
  });

  afterAll(() => {
    for (const link of links) link.close();
    for (const server of servers) server.close();
  });

  /** A switch with this certificate; `sockets` are its connections. */
  async function nasWith({ certificate, key }: Issued) {
    const sockets: TLSSocket[] = [];
    const received: Buffer[] = [];
    const settings = { cert: certificate, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true };
    const server = createServer(settings, (socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        received.push(chunk);
        socket.write(answer);
      });
    });
    server.on('tlsClientError', () => undefined);
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port, sockets, received };
  }

  function linkTo(port: number, name = 'switch.test', now = Date.now) {
    const replies: string[] = [];
    const problems: string[] = [];
    const target = { nas: 'switch', address: '127.0.0.1', port, certificate: { from: 'dns-name' as const, name } };
    const read = (reference: string) => ({ secret: files[reference]! });
    const link = new RadsecLink(target, {
      material: () => readMaterial(entry, read),
      counters: new Counters(),
      onReply: (reply, from) => void replies.push(`${from}: ${reply.toString('hex')}`),
      onProblem: (_, reason) => void problems.push(reason),
      now,
    });
    links.push(link);
    return { link, replies, problems };
  }

  const dns = (value: string) => [{ type: 'dns' as const, value }];

  it('is opened when it is needed, shows a certificate, and brings the answer', async () => {
    const { port, received } = await nasWith(await authority.issue('CN=x', 'serverAuth', dns('Switch.test')));
    const { link, replies } = linkTo(port);
    expect(link.send(packet)).toBe(false);
    await vi.waitFor(() => expect(link.send(packet)).toBe(true), patience);
    await vi.waitFor(() => expect(replies).toEqual([`${link.name}: ${answer.toString('hex')}`]), patience);
    expect(received.map((bytes) => bytes.toString('hex'))).toEqual([packet.toString('hex')]);
  });

  it('is opened anew after it was lost, and not more often than every two seconds', async () => {
    const { port, sockets } = await nasWith(await authority.issue('CN=x', 'serverAuth', dns('switch.test')));
    let now = 0;
    const { link } = linkTo(port, 'switch.test', () => now);
    link.send(packet);
    await vi.waitFor(() => expect(link.send(packet)).toBe(true), patience);
    link.unanswered();
    await vi.waitFor(() => expect(sockets[0]!.destroyed).toBe(true), patience);
    now = 1999;
    expect(link.send(packet)).toBe(false);
    now = 2000;
    link.send(packet);
    await vi.waitFor(() => expect(link.send(packet)).toBe(true), patience);
    await vi.waitFor(() => expect(sockets).toHaveLength(2), patience);
  });

  it.each<[string, () => Promise<Issued>, RegExp]>([
    [
      'has another name',
      () => authority.issue('CN=switch.test', 'serverAuth', dns('other.test')),
      /does not have the dns-name `switch\.test`/,
    ],
    [
      'is of another authority',
      async () => (await MemoryAuthority.create('stranger')).issue('CN=x', 'serverAuth', dns('switch.test')),
      /unable to|self.signed|certificate/i,
    ],
    ['is one for clients', () => authority.issue('CN=x', 'clientAuth', dns('switch.test')), /purpose/],
    ['has ended', () => authority.issue('CN=x', 'serverAuth', dns('switch.test'), { from: 0, until: 1000 }), /expired/],
    [
      'is revoked',
      async () => {
        const lost = await authority.issue('CN=x', 'serverAuth', dns('switch.test'));
        files = { ...files, lists: await authority.revocationList([lost.serial]) };
        return lost;
      },
      /revoked/,
    ],
  ])('does not come about when the certificate there %s', async (_, issue, reason) => {
    const { port, received } = await nasWith(await issue());
    const { link, problems } = linkTo(port);
    link.send(packet);
    await vi.waitFor(() => expect(problems.join()).toMatch(reason), patience);
    expect(link.send(packet)).toBe(false);
    expect(received).toEqual([]);
  });

  it('says so when nobody listens', async () => {
    const { link, problems } = linkTo(1);
    link.send(packet);
    await vi.waitFor(() => expect(problems.join()).toMatch(/ECONNREFUSED/), patience);
  });
});

describe('what network/radsec.yaml names', () => {
  it.each([
    ['authorities', { authorities: 'nothing' }, /^authorities: there is no CERTIFICATE/],
    ['revocationLists', { lists: 'nothing' }, /^revocationLists: there is no X509 CRL/],
    ['the key', { key: 'SECRET-KEY-TEXT' }, /^certificate and key: /],
  ])('is refused, with the field and without its content: %s', async (_, wrong, reason) => {
    const authority = await MemoryAuthority.create();
    const own = await authority.issue('CN=bridge', 'serverAuth', []);
    const good = {
      own: own.certificate,
      key: own.key,
      authorities: authority.certificate,
      lists: await authority.revocationList(),
    };
    const files: Record<string, string> = { ...good, ...wrong };
    let message = '';
    try {
      readMaterial(entry, (reference) => ({ secret: files[reference]! }));
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(reason);
    expect(message).not.toContain('SECRET');
  });
});
