import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compiled, filter, imported, input, networks, noon, policyOfTests, proofs } from '../spec/capirca-world.js';
import { importCapirca } from './import-capirca.js';
import { proveCapirca } from './prove-capirca.js';

/* Few values of each kind, so that terms meet. */
const network = fc.constantFrom('SERVERS', 'MAIL', 'INSIDE', 'BOTH', 'PUMPS', 'LAPTOPS', 'TESTNET');
const list = (one: fc.Arbitrary<string>) => fc.array(one, { minLength: 1, maxLength: 2 }).map((all) => all.join(' '));
const service = list(fc.constantFrom('HTTP', 'HTTPS', 'WEB', 'DNS', 'SNMP', 'HIGH'));
const field = fc.oneof(
  ...[
    'source-address',
    'destination-address',
    'source-address',
    'destination-address',
    'source-exclude',
    'address',
  ].map((word) => list(network).map((names) => `${word}:: ${names}`)),
  list(fc.constantFrom('tcp', 'udp', 'tcp')).map((names) => `protocol:: ${names}`),
  fc.constantFrom('protocol:: icmp', 'protocol:: 47', 'protocol-except:: tcp', 'restrict-address-family:: inet'),
  service.map((names) => `protocol:: tcp udp destination-port:: ${names}`),
  fc.tuple(fc.constantFrom('port', 'source-port'), service).map(([word, names]) => `protocol:: tcp ${word}:: ${names}`),
  fc.constantFrom('option:: tcp-established', 'ttl:: 1', 'expiration:: 2027-01-01', 'expiration:: 2027-06-01'),
);
const term = fc.record({
  fields: fc.array(field, { maxLength: 3 }),
  action: fc.constantFrom('accept', 'accept', 'deny', 'next'),
});
const policy = fc
  .tuple(
    fc.array(term, { minLength: 1, maxLength: 6 }),
    fc.constantFrom('juniper edge mixed', 'cisco edge inet', 'x y inet6'),
  )
  .map(([terms, target]) =>
    filter(
      terms.map(({ fields, action }, i) => `term t${i} { ${fields.join(' ')} action:: ${action} }`).join('\n'),
      target,
    ),
  );
const classes = fc.subarray<[string, string]>([
  ['PUMPS', 'pump'],
  ['LAPTOPS', 'laptop'],
]);

describe('the policy that is made of a filter', () => {
  it('allows what the terms do, but for what is said to be left out, at any time', () => {
    let rules = 0;
    fc.assert(
      fc.property(policy, classes, (text, some) => {
        const made = imported(text, { classes: new Map(some) });
        rules += made.rules.length;
        for (const proof of proofs(made)) expect(proof).toEqual({ tooMuch: null, unreported: null });
      }),
      { numRuns: 300 },
    );
    // Else the law says nothing.
    expect(rules).toBeGreaterThan(100);
  });

  it('is read or refused, whatever stands in the files', () => {
    const noise = fc.stringMatching(/^[\w:{}"#\s./=-]{0,20}$/);
    fc.assert(
      fc.property(policy, noise, noise, fc.nat(), (text, a, b, n) => {
        const at = n % (text.length + 1);
        const definitions = new Map([['a.net', `${networks}${b}`]]);
        const made = importCapirca(input(text.slice(0, at) + a + text.slice(at), { definitions }));
        expect(typeof made.ok).toBe('boolean');
      }),
    );
  });
});

describe('a proof of an import', () => {
  const made = imported(
    filter(
      'term a { source-address:: TESTNET destination-address:: MAIL protocol:: tcp destination-port:: WEB action:: accept }',
    ),
  );
  const proofWith = (edit: (text: string) => string) => {
    const files = [...made.files].map(([path, text]) => [path, edit(text)] as const);
    return proveCapirca(made, compiled(new Map([...policyOfTests, ...files])), noon);
  };

  it('holds for what was written', () => {
    expect(proofWith((text) => text)).toEqual({ tooMuch: null, unreported: null });
  });

  it('finds a packet that is too much', () => {
    expect(proofWith((text) => text.replace('tcp/443]', 'tcp/443, udp/9]')).tooMuch).toMatchObject({
      protocol: 17,
      port: 9,
    });
  });

  it('finds a packet that is missing', () => {
    expect(proofWith((text) => text.replace('tcp/80, ', '')).unreported).toMatchObject({ protocol: 6, port: 80 });
  });
});
