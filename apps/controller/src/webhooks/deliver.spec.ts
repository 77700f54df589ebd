import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { deliver, signatureOf } from './deliver.js';

const secret = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}' };
const at = new Date(1_614_265_330_000);
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function receiver(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=topsecret`;
}

const send = (url: string, milliseconds = 2000, signal = new AbortController().signal) =>
  deliver({ url, secrets: [secret] }, message, at, { milliseconds, signal });

describe('a webhook', () => {
  it('is signed as the example of the Standard Webhooks libraries', () => {
    expect(signatureOf(message, 1_614_265_330, [secret])).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('is signed with both secrets while one is replaced', () => {
    const [one, two] = signatureOf(message, 1, [secret, Buffer.alloc(24)]).split(' ');
    expect(one).toBe(signatureOf(message, 1, [secret]));
    expect(two).toBe(signatureOf(message, 1, [Buffer.alloc(24)]));
  });

  it('carries its id, the time and the signature of exactly its bytes', async () => {
    const got: { headers: IncomingMessage['headers']; body: string }[] = [];
    const url = await receiver((request, response) => {
      void text(request).then((body) => {
        got.push({ headers: request.headers, body });
        response.writeHead(204).end();
      });
    });
    expect(await send(url)).toBeNull();
    expect(got[0]?.body).toBe(message.body);
    expect(got[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': message.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void, string]>([
    ['an error', (_, response) => void response.writeHead(503).end('busy'), 'the receiver answered 503'],
    [
      'a redirect, which is not followed',
      (_, response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
      'the receiver answered 307',
    ],
    ['nothing', () => undefined, 'the receiver did not answer within 0.2 seconds'],
    [
      'an end without a word',
      (request) => void request.socket.destroy(),
      'the receiver is not reached (UND_ERR_SOCKET)',
    ],
  ])('is not taken by a receiver that answers with %s', async (_, answer, expected) => {
    const problem = await send(await receiver(answer), 200);
    expect(problem).toBe(expected);
  });

  it('says of a receiver that is away nothing of its URL', async () => {
    const url = await receiver(() => undefined);
    for (const close of closing.splice(0)) close();
    expect(await send(url)).toBe('the receiver is not reached (ECONNREFUSED)');
    expect(await send('http://127.0.0.1:1/hook?token=topsecret')).toBe('the receiver is not reached (bad port)');
  });
});
