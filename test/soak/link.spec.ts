import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Link } from './link.ts';

describe('the link', () => {
  let echo: Server;
  let link: Link;
  let port: number;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    link = new Link();
    link.leadTo((echo.address() as AddressInfo).port);
    port = Number(new URL(await link.open()).port);
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await link.cut();
    echo.close();
  });

  const dial = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  };
  const says = async (socket: Socket, text: string): Promise<string> => {
    socket.write(text);
    return String((await once(socket, 'data'))[0]);
  };

  it('brings bytes to and fro', async () => {
    expect(await says(await dial(), 'hello')).toBe('hello');
  });

  it('closes what is open when it is cut, refuses what comes then, and opens again where it was', async () => {
    const socket = await dial();
    await says(socket, 'hello');
    const closed = once(socket, 'close');
    await link.cut();
    await closed;
    await expect(dial()).rejects.toThrow('ECONNREFUSED');
    expect(new URL(await link.open()).port).toBe(String(port));
    expect(await says(await dial(), 'again')).toBe('again');
  });

  it('holds back what comes while it is stalled, also on new connections, and loses nothing', async () => {
    const old = await dial();
    await says(old, 'before');
    link.stall();
    const fresh = await dial();
    const heard: string[] = [];
    for (const socket of [old, fresh]) socket.on('data', (bytes: Buffer) => heard.push(bytes.toString()));
    const answers = Promise.all([once(old, 'data'), once(fresh, 'data')]);
    old.write('a');
    fresh.write('b');
    // Others get through meanwhile: had these not been held, they would have been answered.
    const { port: direct } = echo.address() as AddressInfo;
    const beside = connect(direct, '127.0.0.1');
    sockets.push(beside);
    for (let i = 0; i < 20; i++) await says(beside, 'x');
    expect(heard).toEqual([]);
    link.release();
    await answers;
    expect(heard.sort()).toEqual(['a', 'b']);
  });
});
