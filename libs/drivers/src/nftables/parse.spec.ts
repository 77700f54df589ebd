import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baseState } from '../conformance-states.js';
import { TerminalFault } from '../driver.js';
import { parseConnections } from './conntrack.js';
import { parse, parseCounters } from './parse.js';
import { plan } from './plan.js';
import { render } from './render.js';

const testdata = (name: string): string => readFileSync(path.join(import.meta.dirname, 'testdata', name), 'utf8');
const listings = ['base-state.numeric.json', 'base-state.named.json'];

describe('parse', () => {
  it.each(listings)('reads %s, which nft 1.0.6 listed, as the state that was loaded', (name) => {
    expect(plan(baseState, parse(testdata(name))).kind).toBe('none');
  });

  it('finds nothing of ours in a listing of another table', () => {
    expect(parse('{"nftables":[{"metainfo":{}},{"table":{"family":"inet","name":"theirs"}}]}')).toBeNull();
    expect(parse('{"nftables":[{"table":{"family":"ip","name":"cordon"}}]}')).toBeNull();
  });

  const table = { table: { family: 'inet', name: 'cordon' } };
  const ours = (kind: string, body: object): object => ({ [kind]: { family: 'inet', table: 'cordon', ...body } });
  const chain = ours('chain', { name: 'c' });
  const fingerprint = (...objects: object[]): string =>
    parse(JSON.stringify({ nftables: [table, ...objects] }))?.rulesFingerprint ?? '';
  const rule = (...expr: unknown[]): object => ours('rule', { chain: 'c', expr });
  const port = (right: unknown) => ({
    match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right },
  });

  it.each<[string, object, object]>([
    ['numbers in any order', rule(port({ set: [1, 3] })), rule(port({ set: [3, 1] }))],
    ['neighbours and their range', rule(port({ set: [1, 2] })), rule(port({ range: [1, 2] }))],
    ['counter values', rule({ counter: null }), rule({ counter: { packets: 7, bytes: 9 } })],
    ['handles', rule(port(1)), ours('rule', { chain: 'c', handle: 4, expr: [port(1)] })],
  ])('takes no notice of %s', (_, a, b) => {
    expect(fingerprint(chain, a)).toBe(fingerprint(chain, b));
  });

  it.each<[string, object, object]>([
    ['a port', rule(port(1)), rule(port(2))],
    ['an operator', rule(port(1)), rule({ match: { ...port(1).match, op: '!=' } })],
    ['an unknown statement', rule(port(1)), rule(port(1), { limit: { rate: 1, per: 'second' } })],
    [
      'an unknown member of a known statement',
      rule({ log: { prefix: 'a', group: 5 } }),
      rule({ log: { prefix: 'a', group: 5, snaplen: 1 } }),
    ],
    ['a comment', rule(port(1)), ours('rule', { chain: 'c', comment: 'cordon:x', expr: [port(1)] })],
    [
      'an element that times out',
      ours('set', { name: 's', type: 'ipv4_addr' }),
      ours('set', { name: 's', type: 'ipv4_addr', elem: [{ elem: { val: '10.0.0.1', timeout: 5 } }] }),
    ],
    ['a map', chain, ours('map', { name: 'm', type: 'ipv4_addr', map: 'verdict' })],
  ])('notices %s', (_, a, b) => {
    const objects = (object: object): object[] => (object === chain ? [chain] : [chain, object]);
    expect(fingerprint(...objects(a))).not.toBe(fingerprint(...objects(b)));
  });

  it('notices that the table is dormant, and rules that changed places', () => {
    const dormant = { table: { ...table.table, flags: 'dormant' } };
    expect(parse(JSON.stringify({ nftables: [dormant, chain] }))?.rulesFingerprint).not.toBe(fingerprint(chain));
    const [a, b] = [rule({ accept: null }), rule({ drop: null })];
    expect(fingerprint(chain, a, b)).not.toBe(fingerprint(chain, b, a));
  });

  it.each([
    ['no JSON', 'table inet cordon {}'],
    ['no listing', '{"nftables":{}}'],
    ['a rule of no chain', JSON.stringify({ nftables: [table, rule({ accept: null })] })],
    [
      'nesting without end',
      `{"nftables":[{"table":{"family":"inet","name":"cordon","x":${'['.repeat(50_000)}${']'.repeat(50_000)}}}]}`,
    ],
  ])('refuses %s', (_, text) => {
    expect(() => parse(text)).toThrow(TerminalFault);
  });

  it('throws nothing but TerminalFault, whatever the text', () => {
    const good = render(baseState);
    const broken = fc
      .tuple(fc.nat(good.length), fc.nat(40), fc.string({ maxLength: 8 }))
      .map(([at, cut, put]) => good.slice(0, at) + put + good.slice(at + cut));
    const items = fc
      .array(fc.record({ table: fc.constant(table.table) }))
      .chain((head) => fc.array(fc.jsonValue()).map((tail) => JSON.stringify({ nftables: [...head, ...tail] })));
    const shaped = fc.jsonValue().map((value) =>
      JSON.stringify({
        nftables: [
          table,
          chain,
          rule(value),
          ours('set', { name: 's', type: 'ipv4_addr', flags: ['interval'], elem: value }),
        ],
      }),
    );
    fc.assert(
      fc.property(fc.oneof(broken, items, shaped, fc.json(), fc.string()), (text) => {
        for (const read of [parse, parseCounters])
          try {
            read(text);
          } catch (error) {
            expect(error).toBeInstanceOf(TerminalFault);
          }
      }),
      { numRuns: 1500 },
    );
  });
});

describe('parseConnections', () => {
  it('reads the opener’s tuple of every line that conntrack 1.4.7 printed', () => {
    const rows = parseConnections(testdata('conntrack.txt'));
    const v4 = { source: { family: 4, value: 0x7f00_0001n }, destination: { family: 4, value: 0x7f00_0001n } };
    const v6 = { source: { family: 6, value: 1n }, destination: { family: 6, value: 1n } };
    expect(rows).toEqual([
      { ...v4, protocol: 6, sourcePort: 57_922, destinationPort: 7777 },
      { ...v6, protocol: 58, sourcePort: 7121, destinationPort: 128 },
      { ...v6, protocol: 6, sourcePort: 53_248, destinationPort: 7777 },
      { ...v4, protocol: 1, sourcePort: 7120, destinationPort: 8 },
      { ...v4, protocol: 47, sourcePort: 0, destinationPort: 0 },
    ]);
  });

  it('refuses a line that it does not understand, rather than to overlook a connection', () => {
    expect(() => parseConnections('ipv4 2 tcp six src=10.0.0.1 dst=10.0.0.2')).toThrow(TerminalFault);
  });
});
