import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { postJson } from './post.js';

describe('posting to the controller', () => {
  let server: Server | null = null;

  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  const serve = (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> =>
    new Promise((resolve) => {
      server = createServer(answer).listen(0, '127.0.0.1', () =>
        resolve(`http://127.0.0.1:${(server!.address() as AddressInfo).port}/events`),
      );
    });

  const never = new AbortController().signal;

  it('brings the whole body and gives the whole answer', async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (part: string) => (body += part));
      request.on('end', () => {
        seen.push(`${request.method} ${request.url} ${request.headers.authorization} ${body.length} ${body.slice(-3)}`);
        response.writeHead(201).write('{"a":');
        setTimeout(() => response.end('1}'), 5);
      });
    });
    const body = `"${'ü'.repeat(300_000)}"`;
    expect(await postJson(url, 'token', body, never)).toEqual({ status: 201, body: '{"a":1}' });
    expect(seen).toEqual([`POST /events Bearer token ${body.length} üü"`]);
  });

  it('fails when nobody is there, when the answer breaks off, when it is endless, and when it is given up', async () => {
    await expect(postJson('http://127.0.0.1:1/', 't', '{}', never)).rejects.toThrow(/ECONNREFUSED/);
    const cut = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('1');
      setTimeout(() => response.destroy(), 5);
    });
    await expect(postJson(cut, 't', '{}', never)).rejects.toThrow(/aborted/);
    server!.close();
    const endless = await serve((_, response) => void response.end('x'.repeat(100_000)));
    await expect(postJson(endless, 't', '{}', never)).rejects.toThrow(/longer than 64 KB/);
    server!.close();
    const silent = await serve(() => undefined);
    await expect(postJson(silent, 't', '{}', AbortSignal.timeout(30))).rejects.toThrow(/aborted/);
  });
});
