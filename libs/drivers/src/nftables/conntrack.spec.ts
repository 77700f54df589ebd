import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Connection } from '#model';
import { formatAddress } from '#net';
import { at } from '../conformance-states.js';
import { planCuts } from './conntrack.js';

const connection = (
  source: string,
  destination: string,
  protocol: number,
  port: number,
  from = 50_000,
): Connection => ({
  source: at(source),
  destination: at(destination),
  protocol,
  sourcePort: from,
  destinationPort: port,
});

/** What conntrack does with a line of `-D`, word by word. */
function finds(line: string, { source, destination, protocol, sourcePort, destinationPort }: Connection): boolean {
  const [command, ...words] = line.trim().split(' ');
  expect([command, words.length % 2]).toEqual(['-D', 0]);
  const facts: Record<string, string> = {
    '-f': `ipv${source.family}`,
    '-p': String(protocol),
    '--orig-src': formatAddress(source),
    '--orig-dst': formatAddress(destination),
    '--sport': String(sourcePort),
    '--dport': String(destinationPort),
    '--icmp-type': String(destinationPort),
    '--icmp-id': String(sourcePort),
  };
  return words.every((word, i) => i % 2 === 1 || (facts[word] ?? expect.fail(word)) === words[i + 1]);
}

const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
const anyConnection = fc
  .tuple(
    fc.constantFrom(...addresses),
    fc.constantFrom('10.1.0.1', '10.1.0.2', ...addresses),
    fc.constantFrom<[number, number]>([6, 443], [6, 80], [17, 443], [1, 8], [50, 0]),
    fc.integer({ min: 1, max: 3 }),
  )
  .map(([source, destination, [protocol, port], from]) =>
    connection(source, destination, protocol, port, protocol === 50 ? 0 : from),
  );
const keyOf = (each: Connection): string =>
  JSON.stringify(each, (_, value: unknown) => String(value) && value?.toString());

describe('planCuts', () => {
  const oneDevice = Array.from({ length: 60 }, (_, i) => connection('10.0.0.1', `10.1.0.${i}`, 6, 443));
  const toIt = Array.from({ length: 60 }, (_, i) => connection(`10.2.0.${i}`, '10.0.0.1', 17, 161));
  const others = Array.from({ length: 60 }, (_, i) => connection('10.0.0.2', `10.1.0.${i}`, 6, 443));

  it('ends all that a device has with one deletion a direction, whoever else has the same service', () => {
    const doomed = [...oneDevice, ...toIt];
    for (const listed of [
      { of: null, connections: [...others, ...doomed] },
      { of: [at('10.0.0.1')], connections: doomed },
    ])
      expect(planCuts(doomed, listed).sort()).toEqual([
        '-D -f ipv4 --orig-dst 10.0.0.1\n',
        '-D -f ipv4 --orig-src 10.0.0.1\n',
      ]);
  });

  it('ends a service that nobody may use with one deletion, and keeps the others of its server', () => {
    const doomed = Array.from({ length: 60 }, (_, i) => connection(`10.2.0.${i}`, '10.1.0.1', 6, 8443));
    const kept = doomed.map((each) => ({ ...each, destinationPort: 443 }));
    expect(planCuts(doomed, { of: null, connections: [...doomed, ...kept] })).toEqual([
      '-D -f ipv4 --orig-dst 10.1.0.1 -p 6 --dport 8443\n',
    ]);
  });

  it('names each alone when it does not know what stays', () => {
    expect(planCuts(oneDevice)).toHaveLength(60);
  });

  it('finds every doomed connection and no other, of those that were listed or could not be', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(anyConnection, fc.boolean()), { maxLength: 40, selector: ([each]) => keyOf(each) }),
        fc.option(fc.subarray(addresses, { minLength: 1 })),
        (all, of) => {
          const isListed = ({ source, destination }: Connection): boolean =>
            !of || of.includes(formatAddress(source)) || of.includes(formatAddress(destination));
          const doomed = all.filter(([each, isDoomed]) => isDoomed && isListed(each)).map(([each]) => each);
          const connections = all.map(([each]) => each).filter(isListed);
          const lines = planCuts(doomed, { of: of && of.map(at), connections });
          const found = all.map(([each]) => each).filter((each) => lines.some((line) => finds(line, each)));
          expect(new Set(found.map(keyOf))).toEqual(new Set(doomed.map(keyOf)));
          expect(lines.length).toBeLessThanOrEqual(doomed.length);
        },
      ),
      { numRuns: 500 },
    );
  });
});
