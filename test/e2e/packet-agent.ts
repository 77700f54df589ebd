import { execFile } from 'node:child_process';
import dgram from 'node:dgram';
import net from 'node:net';
import readline from 'node:readline';

/*
 * Runs inside a network namespace (`ip netns exec NS node packet-agent.ts`) and does what its parent asks, one JSON
 * object a line: `{ id, op, … }` in, `{ id, value }` out. TCP and UDP ports echo what they get.
 */

interface Order {
  readonly id: number;
  readonly op: keyof typeof operations;
  readonly address: string;
  readonly source: string;
  readonly port: number;
  readonly protocol: number;
  readonly wait: number;
  /** Own port of an opened connection; at the listening end: the far port. */
  readonly handle: number;
}

const opened = new Map<number, net.Socket>();
const accepted = new Map<number, net.Socket>();

const operations = { listen, send, open, echo, push, received, close };

async function listen({ address, port }: Order): Promise<boolean> {
  const tcp = net.createServer((socket) => {
    accepted.set(socket.remotePort ?? 0, socket);
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  await new Promise<void>((resolve, reject) => tcp.once('error', reject).listen(port, address, resolve));
  const udp = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
  udp.on('message', (bytes, from) => udp.send(bytes, from.port, from.address));
  await new Promise<void>((resolve, reject) => udp.once('error', reject).bind(port, address, resolve));
  return true;
}

/** True if an answer came. */
function send(order: Order): Promise<boolean> {
  if (order.protocol === 6) return sendTcp(order);
  return order.protocol === 17 ? sendUdp(order) : ping(order);
}

function sendTcp({ source, address, port, wait }: Order): Promise<boolean> {
  const socket = net.connect({ host: address, port, localAddress: source });
  return firstOf<boolean>(wait, false, (done) => {
    socket.once('connect', () => done(true)).once('error', () => done(false));
  }).finally(() => socket.destroy());
}

function sendUdp({ source, address, port, wait }: Order): Promise<boolean> {
  const socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
  return firstOf<boolean>(wait, false, (done) => {
    socket.once('message', () => done(true)).once('error', () => done(false));
    socket.bind(0, source, () => socket.send('hello', port, address));
  }).finally(() => socket.close());
}

function ping({ source, address, wait }: Order): Promise<boolean> {
  const args = ['-c', '1', '-W', String(wait / 1000), '-I', source, address];
  return new Promise((resolve) => void execFile('ping', args, (error) => resolve(error === null)));
}

async function open({ source, address, port, wait }: Order): Promise<number> {
  const socket = net.connect({ host: address, port, localAddress: source });
  await firstOf<void>(wait, undefined, (done) => {
    socket.once('connect', () => done()).on('error', () => done());
  });
  opened.set(socket.localPort ?? 0, socket);
  return socket.localPort ?? 0;
}

function echo(order: Order): Promise<boolean> {
  opened.get(order.handle)?.write('hello');
  return received(order);
}

/** The listening end sends something that nobody asked for. */
function push({ handle }: Order): Promise<boolean> {
  return Promise.resolve(accepted.get(handle)?.write('news') !== undefined);
}

function received({ handle, wait }: Order): Promise<boolean> {
  return firstOf<boolean>(wait, false, (done) => {
    opened.get(handle)?.once('data', () => done(true));
  });
}

function close({ handle }: Order): Promise<boolean> {
  opened.get(handle)?.destroy();
  return Promise.resolve(opened.delete(handle));
}

function firstOf<T>(wait: number, otherwise: T, start: (done: (value: T) => void) => void): Promise<T> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(otherwise), wait);
    start((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const order = JSON.parse(line) as Order;
  operations[order.op](order).then(
    (value) => console.log(JSON.stringify({ id: order.id, value })),
    (error: unknown) => console.log(JSON.stringify({ id: order.id, error: String(error) })),
  );
});
lines.on('close', () => process.exit(0));
