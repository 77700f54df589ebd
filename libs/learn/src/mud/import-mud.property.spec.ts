import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baseInput, homePolicy, compiled, imported, Resolver, roundTrip } from '../spec/mud-world.js';
import { mudText, type EntryText } from '../spec/mud-text.js';
import { importMud } from './import-mud.js';
import { proveMud } from './prove-mud.js';

/* Few values of each kind, so that entries meet: the same ports, names and networks again and again. */
const dnsNames = ['a.example.com', 'b.example.com', 'no-address.example.com'] as const;
const resolved = new Resolver().resolved(dnsNames.slice(0, 2));
const portNumber = fc.constantFrom(80, 81, 82, 443);
const ports = fc.oneof(
  fc.record({ operator: fc.constantFrom('eq', 'neq', 'lte', 'gte'), port: portNumber }),
  fc.tuple(portNumber, portNumber).map(([a, b]) => ({ 'lower-port': Math.min(a, b), 'upper-port': Math.max(a, b) })),
);
const maybe = { requiredKeys: [] as [] };
const initiated = fc.constantFrom('from-device', 'to-device');
const words = fc.constantFrom(
  { controller: 'urn:ietf:params:mud:dns' },
  { controller: 'urn:ietf:params:mud:gateway' },
  { controller: 'urn:nobody' },
  { 'my-controller': [null] },
  { 'local-networks': [null] },
  { 'same-manufacturer': [null] },
  { model: 'https://toothbrush.nist.local/super1' },
);
const segment = fc.oneof(
  fc
    .record({ 'source-port': ports, 'destination-port': ports, 'ietf-mud:direction-initiated': initiated }, maybe)
    .map((tcp) => ({ tcp })),
  fc.record({ 'source-port': ports, 'destination-port': ports }, maybe).map((udp) => ({ udp })),
  fc.record({ type: fc.constantFrom(0, 3, 8, 128, 129), code: fc.constantFrom(0, 1) }, maybe).map((icmp) => ({ icmp })),
  fc.constant({}),
);

/** Mostly about the far side, which is the destination of what comes from the device. */
function entries(family: 4 | 6, isOut: boolean): fc.Arbitrary<EntryText[]> {
  const ip = `ipv${family}`;
  const side = isOut ? 'destination' : 'source';
  const networks =
    family === 4
      ? ['192.168.0.0/16', '192.168.1.0/24', '224.0.0.251/32', '8.8.8.8/32', '0.0.0.0/0']
      : ['fd50::/64', 'ff02::/16', '2001:db8::/32'];
  const address = fc.record(
    {
      [`ietf-acldns:${isOut ? 'dst' : 'src'}-dnsname`]: fc.constantFrom(...dnsNames),
      [`${side}-${ip}-network`]: fc.constantFrom(...networks),
      protocol: fc.constantFrom(6, 17, 1, 58, 47, 0),
    },
    maybe,
  );
  const matches = fc
    .record({ [ip]: address, 'ietf-mud:mud': words }, maybe)
    .chain((base) => segment.map((one) => ({ ...base, ...one })));
  const entry = fc.record({
    matches,
    forwarding: fc.oneof(
      { weight: 4, arbitrary: fc.constant('accept') },
      { weight: 1, arbitrary: fc.constant('drop') },
    ),
  });
  return fc.array(entry, { maxLength: 4 });
}

/** Both entries of a connection, as generators of MUD files write them: the opening, and the answers to it. */
const conversation = fc
  .record({
    family: fc.constantFrom(4 as const, 6 as const),
    isOut: fc.boolean(),
    far: fc.oneof(
      fc.constantFrom(...dnsNames).map((name) => ({ name, words: {} })),
      words.map((one) => ({ name: null, words: { 'ietf-mud:mud': one } })),
    ),
    kind: fc.constantFrom('tcp', 'udp'),
    ports,
    hasDirection: fc.boolean(),
  })
  .map(({ family, isOut, far, kind, ports: one, hasDirection }) => {
    const direction =
      hasDirection && kind === 'tcp' ? { 'ietf-mud:direction-initiated': isOut ? 'from-device' : 'to-device' } : {};
    const entryOf = (side: 'src' | 'dst', port: string) => ({
      matches: {
        ...(far.name === null ? {} : { [`ipv${family}`]: { [`ietf-acldns:${side}-dnsname`]: far.name } }),
        ...far.words,
        [kind]: { [port]: one, ...direction },
      },
    });
    const [sent, received] = isOut ? ['destination-port', 'source-port'] : ['source-port', 'destination-port'];
    return { family, from: entryOf('dst', sent), to: entryOf('src', received) };
  });

const lists = fc
  .record({
    conversations: fc.array(conversation, { maxLength: 4 }),
    from: entries(4, true),
    to: entries(4, false),
    from6: entries(6, true),
    to6: entries(6, false),
  })
  .map(({ conversations, from, to, from6, to6 }) => {
    const of = (family: 4 | 6, side: 'from' | 'to') =>
      conversations.filter((one) => one.family === family).map((one): EntryText => one[side]);
    return {
      from: [...of(4, 'from'), ...from],
      to: [...to, ...of(4, 'to')],
      from6: [...from6, ...of(6, 'from')],
      to6: [...of(6, 'to'), ...to6],
    };
  });

describe('the policy that is made of a MUD file', () => {
  it('is never wider than the file, and narrower only by entries that are reported', () => {
    let rules = 0;
    fc.assert(
      fc.property(lists, fc.boolean(), (some, oneWay) => {
        const input = { ...baseInput, resolved, oneWay };
        const made = imported({ ...input, text: mudText(some) });
        rules += made.rules.length;
        const { allowed, meant, reported, snapshot } = roundTrip(made, input);
        for (const direction of ['from-device', 'to-device'] as const) {
          expect(allowed[direction].subtract(meant[direction]).witness).toBeNull();
          expect(meant[direction].subtract(allowed[direction]).subtract(reported[direction]).witness).toBeNull();
        }
        expect(proveMud(made, snapshot, oneWay)).toEqual({ tooMuch: null, unreported: null });
      }),
      { numRuns: 100 },
    );
    // Else the law says nothing.
    expect(rules).toBeGreaterThan(100);
  });

  it('does not depend on how often it is made', () => {
    fc.assert(
      fc.property(lists, (some) => {
        const input = { ...baseInput, resolved, text: mudText(some) };
        expect([...imported(input).files]).toEqual([...imported(input).files]);
      }),
      { numRuns: 50 },
    );
  });

  it('loads whatever the manufacturer writes into its texts', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(text, text, text, (info, make, name) => {
        const file = mudText(
          {
            from: [{ name, matches: { 'ietf-mud:mud': { 'my-controller': [null] } } }],
            to: [{ matches: { 'ietf-mud:mud': { 'my-controller': [null] } } }],
          },
          { systeminfo: info, 'mfg-name': make, 'model-name': name },
        );
        const made = importMud({ ...baseInput, text: file, resolved });
        if (!made.ok) throw new Error(JSON.stringify(made.diagnostics));
        const snapshot = compiled(new Map([...homePolicy, ...made.value.files]));
        expect(snapshot.flowRules.filter(({ subject, object }) => [subject, object].includes('thing'))).toHaveLength(2);
      }),
    );
  });
});

describe('a proof of an import', () => {
  const both = {
    from: [{ matches: { ipv4: { 'ietf-acldns:dst-dnsname': 'a.example.com' }, tcp: {} } }],
    to: [{ matches: { ipv4: { 'ietf-acldns:src-dnsname': 'a.example.com' }, tcp: {} } }],
  };
  const made = imported({ ...baseInput, resolved, text: mudText(both) });
  const proofWith = (edit: (text: string) => string) => {
    const files = [...made.files].map(([path, text]) => [path, edit(text)] as const);
    return proveMud(made, compiled(new Map([...homePolicy, ...files])), false);
  };

  it('holds for what was written', () => {
    expect(proofWith((text) => text)).toEqual({ tooMuch: null, unreported: null });
  });

  it('finds a packet that is too much', () => {
    expect(proofWith((text) => text.replace('[tcp]', '[tcp, udp/9]')).tooMuch).toMatchObject({ protocol: 17, port: 9 });
  });

  it('finds a packet that is missing', () => {
    expect(proofWith((text) => text.replace('[tcp]', '[tcp/0-99]')).unreported).toMatchObject({
      protocol: 6,
      port: 100,
    });
  });
});
