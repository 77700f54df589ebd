import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { type EnforcementTarget, RemoteFault, TerminalFault } from '../driver.js';
import { classifyDatabaseError, classifySocketError } from './faults.js';
import { JsonStream } from './json-stream.js';

export type OvsdbTarget = Extract<EnforcementTarget, { readonly kind: 'ovsdb' }>;
type Json = Readonly<Record<string, unknown>>;

const longestMessage = 64 * 1024 * 1024;

/**
 * A connection to a switch's database that lives for one piece of work (RFC 7047). Knows transactions and answers the server's echoes; what
 * the operations mean is not its business.
 */
export class OvsdbConnection {
  private readonly waiting = new Map<number, { resolve(message: Json): void; reject(fault: Error): void }>();
  private last = 0;
  private fault: Error | null = null;

  private constructor(private readonly socket: net.Socket) {
    const stream = new JsonStream(longestMessage);
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      try {
        for (const text of stream.push(chunk)) this.take(text);
      } catch (error) {
        this.fail(
          error instanceof TerminalFault ? error : new TerminalFault(`the switch's database: ${String(error)}`),
        );
      }
    });
    socket.on('error', (error) => this.fail(classifySocketError(error)));
    socket.on('close', () => this.fail(new RemoteFault("the switch's database ended the connection")));
  }

  /** Does the work and ends; all of it within the time. */
  static async with<T>(
    target: OvsdbTarget,
    milliseconds: number,
    work: (connection: OvsdbConnection) => Promise<T>,
  ): Promise<T> {
    const connection = new OvsdbConnection(open(target));
    const silence = new RemoteFault(`the switch's database: no answer within ${milliseconds / 1000} s`);
    const timer = setTimeout(() => connection.fail(silence), milliseconds);
    try {
      return await work(connection);
    } finally {
      clearTimeout(timer);
      connection.socket.destroy();
    }
  }

  /** The operations' results; the first error of one of them is thrown, and then none of them had an effect. */
  async transact(operations: readonly Json[]): Promise<readonly unknown[]> {
    const { result, error } = await this.ask('transact', ['Open_vSwitch', ...operations]);
    if (error !== null && error !== undefined) throw databaseError(error);
    if (!Array.isArray(result)) throw new TerminalFault("the switch's database gives no results");
    for (const each of result as unknown[])
      if (isRecord(each) && each['error'] !== undefined) throw databaseError(each);
    return result;
  }

  private ask(method: string, params: readonly unknown[]): Promise<Json> {
    return new Promise((resolve, reject) => {
      if (this.fault) return reject(this.fault);
      const id = ++this.last;
      this.waiting.set(id, { resolve, reject });
      this.socket.write(JSON.stringify({ method, params, id }));
    });
  }

  private take(text: string): void {
    const message: unknown = JSON.parse(text);
    if (!isRecord(message)) return;
    const { method, id, params } = message;
    if (method === 'echo') this.socket.write(JSON.stringify({ result: params, error: null, id }));
    // other requests are notices that nobody asked for
    if (method !== undefined || typeof id !== 'number') return;
    this.waiting.get(id)?.resolve(message);
    this.waiting.delete(id);
  }

  private fail(fault: Error): void {
    this.fault ??= fault;
    for (const each of this.waiting.values()) each.reject(this.fault);
    this.waiting.clear();
    this.socket.destroy();
  }
}

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function databaseError(error: unknown): Error {
  const { error: name = JSON.stringify(error), details = '' } = isRecord(error) ? error : {};
  return classifyDatabaseError(String(name), String(details));
}

function open(target: OvsdbTarget): net.Socket {
  const place = target.ovsdb;
  if (place.startsWith('unix:')) return net.connect({ path: place.slice('unix:'.length) });
  const [, kind, host = '', port] = /^(tcp|ssl):(.+):(\d+)$/.exec(place) ?? [];
  if (kind === undefined)
    throw new TerminalFault(`\`${place.slice(0, 80)}\` is no unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT`);
  const address = { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
  if (kind === 'tcp') return net.connect(address);
  const files = target.tls;
  if (!files) throw new TerminalFault(`\`${place}\` needs \`tls\`: certificate, key and authority`);
  try {
    const [cert, key, ca] = [files.certificate, files.key, files.authority].map((path) => readFileSync(path));
    // As all of Open vSwitch does: who has a certificate of this authority is the switch, whatever its name (ovs-pki(8)).
    return tls.connect({ ...address, cert, key, ca, minVersion: 'TLSv1.2', checkServerIdentity: () => undefined });
  } catch (error) {
    throw new TerminalFault(
      `a file of \`tls\` cannot be used: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
