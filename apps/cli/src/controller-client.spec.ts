import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ControllerClient, ControllerError, readControllerOptions } from './controller-client.js';
import { UsageError } from './policy-files.js';

const token = 'a-token-of-the-test';
const servers: Server[] = [];

async function clientOf(answer: RequestListener): Promise<ControllerClient> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return new ControllerClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token });
}

const errorOf = async (answer: Promise<unknown>): Promise<ControllerError> => {
  const error = await answer.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ControllerError);
  return error as ControllerError;
};

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

describe('options', () => {
  const env = { CORDON_TOKEN: ' of-env \n', CORDON_CONTROLLER_URL: 'https://cordon.example/' };

  it('come from the environment, and options win', () => {
    expect(readControllerOptions({}, env)).toEqual({ url: 'https://cordon.example', token: 'of-env' });
    expect(readControllerOptions({}, { CORDON_TOKEN: 'x' }).url).toBe('http://127.0.0.1:8080');
    const folder = mkdtempSync(join(tmpdir(), 'cordon-token-'));
    const file = join(folder, 'token');
    writeFileSync(file, 'of-file\n');
    try {
      const options = { controller: 'https://10.0.0.1:80', tokenFile: file };
      expect(readControllerOptions(options, env)).toEqual({ url: 'https://10.0.0.1:80', token: 'of-file' });
      expect(readControllerOptions({}, { CORDON_TOKEN_FILE: file }).token).toBe('of-file');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    [{}, {}, /CORDON_TOKEN/],
    [{}, { CORDON_TOKEN: ' ' }, /CORDON_TOKEN/],
    [{ tokenFile: '/nowhere/token' }, env, /\/nowhere\/token can't be read/],
    [{ controller: 'localhost:8080' }, env, /is not the URL/],
    [{ controller: 'http://10.0.0.1:80' }, env, /in the clear; give https/],
    [{ controller: 'http://127.0.0.1.example' }, env, /in the clear/],
  ])('%j with %j are refused with what to do', (options, environment, message) => {
    const read = (): unknown => readControllerOptions(options, environment);
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });
});

it.each(['http://127.0.0.1:8080', 'http://[::1]:8080', 'http://localhost'])(
  '%s does not leave the machine',
  (controller) => {
    expect(readControllerOptions({ controller }, { CORDON_TOKEN: 'x' }).url).toBe(controller);
  },
);

it('a token may go in the clear only where that is said', () => {
  const env = { CORDON_TOKEN: 'x', CORDON_CONTROLLER_URL: 'http://10.0.0.1' };
  expect(readControllerOptions({}, { ...env, CORDON_CONTROLLER_INSECURE: '1' }).url).toBe('http://10.0.0.1');
});

describe('controller client', () => {
  it('sends the token and JSON, and gives back JSON or nothing', async () => {
    const client = await clientOf((request, response) => {
      expect(request.headers.authorization).toBe(`Bearer ${token}`);
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        if (request.method === 'DELETE') response.writeHead(204).end();
        else response.end(JSON.stringify({ method: request.method, path: request.url, body }));
      });
    });
    expect(await client.get('/api/v1/a')).toEqual({ method: 'GET', path: '/api/v1/a', body: '' });
    expect(await client.send('PUT', '/api/v1/b', { c: 1 })).toEqual({
      method: 'PUT',
      path: '/api/v1/b',
      body: '{"c":1}',
    });
    expect(await client.send('DELETE', '/api/v1/b')).toBeUndefined();
  });

  it.each<[string, number, object | string, RegExp]>([
    ['an unknown token', 401, { detail: 'this token is not known' }, /does not know this token: set CORDON_TOKEN/],
    ['a small role', 403, { detail: 'a viewer may not' }, /^not allowed: a viewer may not$/],
    [
      'a field that is wrong',
      400,
      { detail: 'see `errors`', errors: [{ pointer: '/mac', detail: 'is none' }] },
      /^see `errors`\n {2}\/mac: is none$/,
    ],
    ['a page of something else', 404, '<html>', /does not seem to be a controller \(it answered 404\)/],
    ['a page that is good', 200, '<html>', /does not seem to be a controller \(its answer is not JSON\)/],
    ['a redirect', 302, '', /it redirects to http:\/\/elsewhere\//],
  ])('says in one line what to do about %s', async (_, status, body, message) => {
    const client = await clientOf((_request, response) => {
      response.writeHead(status, { location: 'http://elsewhere/' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    const error = await errorOf(client.send('PUT', '/api/v1/x', { password: 'hidden words' }));
    expect(error.message).toMatch(message);
    expect(error.status).toBe(status);
    expect(error.message).not.toContain(token);
    expect(error.message).not.toContain('hidden words');
  });

  it('says that nothing listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const client = new ControllerClient({ url: `http://127.0.0.1:${port}`, token });
    const error = await errorOf(client.get('/api/v1/x'));
    expect(error.message).toMatch(/can't be reached: nothing listens there; .*CORDON_CONTROLLER_URL/);
    expect(error.status).toBeNull();
  });

  it('gives the lines of a stream as they come, and closes it when the loop is left', async () => {
    const closed = Promise.withResolvers<void>();
    const client = await clientOf((_, response) => {
      response.on('close', closed.resolve);
      response.write('{"n":1}\n{"n":');
      response.write('2}\r\n');
    });
    const seen: string[] = [];
    for await (const line of client.stream('/api/v1/tail')) {
      seen.push(line);
      if (seen.length === 2) break;
    }
    expect(seen).toEqual(['{"n":1}', '{"n":2}']);
    await closed.promise;
  });

  it('refuses a stream like any other answer, and says when it was cut', async () => {
    const refusing = await clientOf((_, response) => response.writeHead(401).end('{}'));
    expect((await errorOf(refusing.stream('/x').next())).status).toBe(401);
    const cutting = await clientOf((_, response) => {
      response.write('one\n');
      setImmediate(() => response.destroy());
    });
    const lines = cutting.stream('/x');
    expect((await lines.next()).value).toBe('one');
    expect((await errorOf(lines.next())).message).toContain('the connection was cut');
  });
});
