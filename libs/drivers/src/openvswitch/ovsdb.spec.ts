import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { RemoteFault, TerminalFault } from '../driver.js';
import { classifyCommand, classifyDatabaseError, classifySocketError } from './faults.js';
import { JsonStream } from './json-stream.js';
import { portOperations, readPorts } from './ports.js';
import { OvsdbConnection } from './transport-ovsdb.js';

describe('JsonStream', () => {
  const texts = ['{"a":"}{\\"]"}', '{"b":[{"c":[]},"\\\\"]}', '{}'];
  it('cuts a stream into its objects, wherever the pieces end', () => {
    const whole = texts.join(' \n');
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length)), (cuts) => {
        const stream = new JsonStream(1000);
        const places = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const out = places.slice(1).flatMap((end, i) => stream.push(whole.slice(places[i], end)));
        expect(out).toEqual(texts);
      }),
    );
  });

  it('refuses what is no JSON-RPC, and a message without end', () => {
    expect(() => new JsonStream(10).push('HTTP/1.1')).toThrow(TerminalFault);
    expect(() => new JsonStream(10).push('{"a":"bbbbbbbbb')).toThrow('more than 10 characters');
  });

  it('throws nothing but TerminalFault, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom('{', '}', '"', '\\', '[', ']'))), (chunks) => {
        const stream = new JsonStream(20);
        try {
          for (const chunk of chunks) stream.push(chunk);
        } catch (error) {
          expect(error).toBeInstanceOf(TerminalFault);
        }
      }),
    );
  });
});

describe('OvsdbConnection', () => {
  const closing: (() => void)[] = [];
  afterEach(() => closing.splice(0).forEach((close) => close()));

  /** A server that answers each message with these texts. */
  async function serve(answer: (message: Record<string, unknown>) => string | null): Promise<string> {
    const folder = mkdtempSync(path.join(tmpdir(), 'cordon-ovsdb-'));
    const server = net.createServer((socket) => {
      const stream = new JsonStream(10_000);
      socket.on('error', () => socket.destroy());
      socket.on('data', (data) => {
        for (const text of stream.push(data.toString())) {
          const out = answer(JSON.parse(text) as Record<string, unknown>);
          if (out === null) socket.destroy();
          else socket.write(out);
        }
      });
    });
    server.listen(path.join(folder, 'sock'));
    await once(server, 'listening');
    closing.push(() => server.close(() => rmSync(folder, { recursive: true })));
    return `unix:${folder}/sock`;
  }
  const ask = (ovsdb: string, milliseconds = 2000): Promise<readonly unknown[]> =>
    OvsdbConnection.with({ kind: 'ovsdb', ovsdb, openflow: '', tls: null }, milliseconds, (connection) =>
      connection.transact([{ op: 'comment', comment: 'x' }]),
    );
  const reply = (id: unknown, result: unknown, error: unknown = null): string => JSON.stringify({ id, result, error });

  it('gives the results of a transaction, and answers echoes meanwhile', async () => {
    const heard: unknown[] = [];
    let asked: unknown = null;
    const place = await serve((message) => {
      heard.push(message['method'] ?? message['result']);
      if (message['method'] === 'transact') {
        asked = message['id'];
        return `${JSON.stringify({ method: 'echo', params: ['are you there'], id: 'e' })}{"method":"update","params":[],"id":null}`;
      }
      return reply(asked, [{}]);
    });
    expect(await ask(place)).toEqual([{}]);
    expect(heard).toEqual(['transact', ['are you there']]);
  });

  it.each<[string, (id: unknown) => string | null, typeof RemoteFault | typeof TerminalFault, string]>([
    [
      'an operation that fails',
      (id) => reply(id, [{}, { error: 'constraint violation', details: 'tag' }]),
      TerminalFault,
      'constraint violation: tag',
    ],
    ['a wait in vain', (id) => reply(id, [{ error: 'timed out' }, null]), RemoteFault, 'timed out'],
    ['another database', (id) => reply(id, null, { error: 'unknown database' }), TerminalFault, 'unknown database'],
    ['no results', (id) => reply(id, 7), TerminalFault, 'no results'],
    ['an end', () => null, RemoteFault, 'ended the connection'],
    ['silence', () => '', RemoteFault, 'no answer within 0.3 s'],
    ['another protocol', () => 'SSH-2.0', TerminalFault, 'no JSON-RPC'],
    ['text that is no JSON', () => '{nonsense}', TerminalFault, 'database'],
  ])('tells %s by its fault', async (_, answer, fault, message) => {
    const place = await serve(({ id }) => answer(id));
    const failed = ask(place, 300);
    await expect(failed).rejects.toThrow(fault);
    await expect(failed).rejects.toThrow(message);
  });

  it('takes nobody there for one who does not answer, and a place that can’t be for a mistake', async () => {
    await expect(ask('unix:/nowhere/sock')).rejects.toThrow(RemoteFault);
    await expect(ask('tcp:127.0.0.1:1')).rejects.toThrow(RemoteFault);
    await expect(ask('ssl:127.0.0.1:1')).rejects.toThrow('needs `tls`');
    await expect(ask('somewhere')).rejects.toThrow(TerminalFault);
  });
});

describe('ports in the database', () => {
  const before = { name: 'p1', tag: null, mode: null, isOurs: false };
  const after = { name: 'p1', tag: 210, mode: 'access', isOurs: true };

  it('are those of the bridge, whatever their columns hold', () => {
    const results = [
      {
        rows: [
          {
            ports: [
              'set',
              [
                ['uuid', 'a'],
                ['uuid', 'b'],
              ],
            ],
          },
        ],
      },
      {
        rows: [
          {
            _uuid: ['uuid', 'a'],
            name: 'p1',
            tag: 210,
            vlan_mode: 'access',
            external_ids: ['map', [['cordon-vlan', '210']]],
          },
          {
            _uuid: ['uuid', 'b'],
            name: 'p2',
            tag: ['set', []],
            vlan_mode: ['set', []],
            external_ids: ['map', [['x', 'y']]],
          },
          { _uuid: ['uuid', 'c'], name: 'elsewhere', tag: 1, vlan_mode: 'access', external_ids: ['map', []] },
        ],
      },
    ];
    expect(readPorts('br0', results)).toEqual([after, { ...before, name: 'p2' }]);
    expect(() => readPorts('br0', [{ rows: [] }, { rows: [] }])).toThrow('no bridge `br0`');
    expect(() => readPorts('br0', [{}, 7])).toThrow(TerminalFault);
  });

  it('change only if they are as they were, and lose nothing of others', () => {
    const where = [['name', '==', 'p1']];
    const none = ['set', []];
    const columns = ['tag', 'vlan_mode'];
    expect(portOperations([{ before, after }])).toEqual([
      { op: 'wait', table: 'Port', timeout: 0, where, columns, until: '==', rows: [{ tag: none, vlan_mode: none }] },
      { op: 'update', table: 'Port', where, row: { tag: 210, vlan_mode: 'access' } },
      {
        op: 'mutate',
        table: 'Port',
        where,
        mutations: [
          ['external_ids', 'delete', ['set', ['cordon-vlan']]],
          ['external_ids', 'insert', ['map', [['cordon-vlan', '210']]]],
        ],
      },
    ]);
    const letGo = portOperations([{ before: after, after: { ...after, isOurs: false } }]);
    expect(letGo.map(({ op }) => op)).toEqual(['wait', 'mutate']);
    expect(letGo[1]!['mutations']).toEqual([['external_ids', 'delete', ['set', ['cordon-vlan']]]]);
  });
});

describe('faults', () => {
  it.each<[string, number | null, typeof RemoteFault | typeof TerminalFault]>([
    ['ovs-ofctl: failed to connect to socket (Connection refused)', 1, RemoteFault],
    ['ovs-ofctl: unix:/run/br0.mgmt: failed to connect to socket (No such file or directory)', 1, RemoteFault],
    ['ovs-ofctl: br0 is not a bridge or a socket', 1, RemoteFault],
    ['', null, RemoteFault],
    ['env: ‘ovs-ofctl’: No such file or directory', 127, TerminalFault],
    ['Error OFPBMC_BAD_PREREQ for: OFPT_FLOW_MOD (OF1.4)', 1, TerminalFault],
    [
      'tcp:10.0.0.1:6653: version negotiation failed (we support version 0x05, peer supports version 0x01)',
      1,
      TerminalFault,
    ],
    ['SSL_connect: error:0A000086:SSL routines::certificate verify failed', 1, TerminalFault],
    ['ovs-ofctl: -:1: unknown keyword ct_nw_src', 1, TerminalFault],
  ])('of ovs-ofctl: `%s` with exit code %s', (stderr, code, fault) => {
    expect(classifyCommand({ code, stderr })).toBeInstanceOf(fault);
  });

  it.each<[string, typeof RemoteFault | typeof TerminalFault]>([
    ['timed out', RemoteFault],
    ['resources exhausted', RemoteFault],
    ['referential integrity violation', TerminalFault],
    ['unknown table', TerminalFault],
  ])('of the database: `%s`', (error, fault) => expect(classifyDatabaseError(error, '')).toBeInstanceOf(fault));

  it.each<[string, typeof RemoteFault | typeof TerminalFault]>([
    ['ECONNREFUSED', RemoteFault],
    ['ETIMEDOUT', RemoteFault],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', TerminalFault],
    ['ERR_SSL_WRONG_VERSION_NUMBER', TerminalFault],
  ])('of its socket: `%s`', (code, fault) =>
    expect(classifySocketError(Object.assign(new Error('x'), { code }))).toBeInstanceOf(fault),
  );
});
