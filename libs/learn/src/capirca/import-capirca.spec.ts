import { describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filter, imported, input, leftOutOf, linesOf, networks, proofs, services } from '../spec/capirca-world.js';
import { capircaCodes } from './codes.js';
import { importCapirca, type CapircaImportInput } from './import-capirca.js';

const whole = { tooMuch: null, unreported: null };
const denyAll = 'term last { action:: deny }';
/** One accepting term with these fields; all of it in one line. */
const accept = (fields: string, name = 'one'): string => `term ${name} { ${fields} action:: accept }`;
const toServers = 'source-address:: TESTNET destination-address:: SERVERS';

function codesOf(text: string, more: Partial<CapircaImportInput> = {}): string[] {
  return importCapirca(input(text, more)).diagnostics.map(
    ({ code, span }) => `${code}${span ? ` ${span.file}:${span.line}` : ''}`,
  );
}

describe('a term that accepts', () => {
  it.each<[string, string, string[]]>([
    [
      'one network to another',
      `${toServers} protocol:: tcp destination-port:: HTTPS`,
      ['testnet, web-servers, https, always'],
    ],
    [
      'several names, a line for each',
      'source-address:: TESTNET LAPTOPS destination-address:: MAIL SERVERS protocol:: udp destination-port:: SNMP',
      [
        'testnet, mail, snmp, always',
        'testnet, web-servers, snmp, always',
        'laptops, mail, snmp, always',
        'laptops, web-servers, snmp, always',
      ],
    ],
    ['any protocol', toServers, ['testnet, web-servers, any, always']],
    // As Capirca has it: ports of any of the protocols hold for all of them.
    [
      'a port of another protocol',
      `${toServers} protocol:: tcp udp destination-port:: SNMP`,
      ['testnet, web-servers, snmp, always'],
    ],
    ['a protocol by its number', `${toServers} protocol:: 47`, ['testnet, web-servers, ip-47, always']],
    [
      'a type of ICMP',
      `${toServers} protocol:: icmp icmp-type:: echo-request`,
      ['testnet, web-servers, icmp-8, always'],
    ],
    [
      'an end: the day before is the last one',
      `${toServers} expiration:: 2027-03-01`,
      ['testnet, web-servers, any, until 2027-02-28'],
    ],
    [
      'without some of the addresses',
      'source-address:: TESTNET destination-address:: SERVERS destination-exclude:: MAIL',
      ['testnet, servers-without-mail, any, always'],
    ],
    [
      'at one of both ends',
      'address:: TESTNET restrict-address-family:: inet destination-address:: MAIL',
      ['edge-source, mail, any, always'],
    ],
    [
      'one IP version',
      `source-address:: INSIDE source-exclude:: PUMPS LAPTOPS destination-address:: INSIDE destination-exclude:: PUMPS restrict-address-family:: inet6`,
      ['inside-without-pumps-laptops-ipv6, inside-without-pumps-ipv6, any, always'],
    ],
    ['what opens TCP', `${toServers} protocol:: tcp option:: tcp-initial`, ['testnet, web-servers, tcp, always']],
  ])('is carried: %s', (_, fields, lines) => {
    const made = imported(filter(accept(fields) + denyAll));
    expect(linesOf(made)).toEqual(lines);
    expect(leftOutOf(made)).toEqual([]);
    expect(proofs(made).every((one) => JSON.stringify(one) === JSON.stringify(whole))).toBe(true);
  });

  it.each<[string, string, string]>([
    ['a source port', `${toServers} protocol:: udp source-port:: HIGH`, 'capirca-source-port one all'],
    ['a port at either side', `${toServers} protocol:: udp port:: SNMP`, 'capirca-source-port one some'],
    ['a time to live', `${toServers} ttl:: 255`, 'capirca-match-unknown one all'],
    [
      'a code of ICMP',
      `${toServers} protocol:: icmp icmp-type:: unreachable icmp-code:: 3`,
      'capirca-match-unknown one all',
    ],
    ['fragments', `${toServers} option:: is-fragment`, 'capirca-match-unknown one all'],
    ['an interface', `${toServers} source-interface:: ge0`, 'capirca-match-unknown one all'],
    ['a word that nobody knows', `${toServers} phase-of-moon:: full`, 'capirca-match-unknown one all'],
    ['a port without a protocol', `${toServers} destination-port:: HTTPS`, 'capirca-match-bad one all'],
    ['a port of no protocol of it', `${toServers} protocol:: tcp destination-port:: SNMP`, 'capirca-match-bad one all'],
    ['a protocol that is none', `${toServers} protocol:: carrier-pigeon`, 'capirca-match-bad one all'],
    ['a day that is none', `${toServers} expiration:: 2027-02-30`, 'capirca-match-bad one all'],
    ['a platform', `${toServers} platform:: cisco`, 'capirca-one-platform one all'],
    ['addresses of devices', 'source-address:: PUMPS destination-address:: SERVERS', 'capirca-covers-devices one all'],
    [
      'addresses of devices among others',
      'source-address:: INSIDE destination-address:: MAIL',
      'capirca-covers-devices one some',
    ],
    ['what becomes of it elsewhere', `${toServers} filter-term:: other`, 'capirca-no-action one all'],
  ])('is left out with place and reason: %s', (_, fields, left) => {
    const made = imported(filter(accept(fields) + denyAll));
    expect(leftOutOf(made)).toEqual([`${left} 4`]);
    for (const one of proofs(made)) expect(one).toEqual(whole);
  });

  it('lets answers pass as policy does', () => {
    const made = imported(filter(`${accept(`${toServers} protocol:: tcp option:: tcp-established`)}${denyAll}`));
    expect(linesOf(made)).toEqual([]);
    expect(made.answers.map(({ name }) => name)).toEqual(['one']);
    expect(made.leftOut).toEqual([]);
  });

  it('is told as a class where the class is named, and only if all of it is meant', () => {
    const classes = new Map([['PUMPS', 'pump']]);
    const both = filter(
      accept('source-address:: INSIDE destination-address:: MAIL protocol:: tcp destination-port:: WEB'),
    );
    const made = imported(both, { classes });
    expect(linesOf(made)).toEqual(['pump, mail, web, always', 'inside, mail, web, always']);
    expect(made.leftOut).toEqual([]);
    for (const one of proofs(made)) expect(one).toEqual(whole);
    const some = imported(
      filter(accept('source-address:: PUMPS destination-address:: MAIL', 'two'), 'juniper edge inet'),
      { classes },
    );
    expect(leftOutOf(some)).toEqual(['capirca-covers-devices two all 4']);
  });

  it('is known where the policy has the line already', () => {
    const text = filter(
      accept('source-address:: PUMPS destination-address:: SERVERS protocol:: tcp destination-port:: HTTPS'),
    );
    const made = imported(text, { classes: new Map([['PUMPS', 'pump']]) });
    expect(made.rules).toEqual([]);
    expect(made.known).toMatchObject([{ subject: 'pump', object: 'web-servers', application: 'https' }]);
    for (const one of proofs(made)) expect(one).toEqual(whole);
  });
});

describe('the order of terms', () => {
  const web = accept(`${toServers} protocol:: tcp destination-port:: WEB`, 'web');
  const deny = (fields: string): string => `term no { ${fields} action:: deny }`;

  it('counts: what an earlier term denies is taken out, what a later one denies is not', () => {
    const cut = imported(
      filter(`${deny('destination-address:: MAIL protocol:: tcp destination-port:: HTTP')}${web}${denyAll}`),
    );
    expect(cut.rules.length).toBeGreaterThan(1);
    for (const one of proofs(cut)) expect(one).toEqual(whole);
    const kept = imported(filter(`${web}${deny('destination-address:: MAIL')}`));
    expect(linesOf(kept)).toEqual(['testnet, web-servers, web, always']);
    for (const one of proofs(kept)) expect(one).toEqual(whole);
    const packets = (made: typeof cut) => made.rules.map(({ object }) => object);
    expect(packets(cut)).not.toEqual(packets(kept));
  });

  it('makes nothing of a term that earlier ones deny altogether, and says so', () => {
    const text = filter(`${deny('source-address:: TESTNET')}${web}`);
    expect(linesOf(imported(text))).toEqual([]);
    expect(codesOf(text)).toEqual(['capirca-overlaid pol/edge.pol:4']);
  });

  it('takes a deny that nobody can tell as wide as it may be', () => {
    const text = filter(`${deny('destination-address:: MAIL ttl:: 1')}${web}`);
    const made = imported(text);
    expect(leftOutOf(made)).toEqual(['capirca-vague-deny no all 4']);
    expect(linesOf(made)).toEqual(['testnet, edge-destination, web, always']);
    for (const one of proofs(made)) expect(one).toEqual(whole);
    expect(linesOf(imported(text, { skip: ['no'] }))).toEqual(['testnet, web-servers, web, always']);
  });

  it('takes a deny that is malformed as wide as it may be, too', () => {
    const made = imported(filter(`${deny('destination-address:: MAIL protocol:: carrier-pigeon')}${web}`));
    expect(leftOutOf(made)).toEqual(['capirca-vague-deny no all 4']);
    expect(linesOf(made)).toEqual(['testnet, edge-destination, web, always']);
  });

  it('goes on behind `next`, and behind a deny of answers', () => {
    const text = filter(`term n { action:: next } term a { protocol:: tcp option:: established action:: deny } ${web}`);
    const made = imported(text);
    expect(linesOf(made)).toEqual(['testnet, web-servers, web, always']);
    expect(leftOutOf(made)).toEqual(['capirca-denied-answers a all 4']);
  });

  it('is told where an earlier deny ends before the term does', () => {
    const made = imported(filter(`${deny('destination-address:: MAIL expiration:: 2027-01-01')}${web}`));
    expect(leftOutOf(made)).toEqual(['capirca-dated-deny no some 4']);
    expect(proofs(made)).toEqual([whole, whole]);
  });

  it('is told where an earlier deny is about a source port', () => {
    const made = imported(
      filter(`${deny('protocol:: tcp source-port:: HTTP')}${accept(`${toServers} protocol:: tcp udp`)}`),
    );
    expect(linesOf(made)).toEqual(['testnet, edge-destination, udp, always']);
    expect(leftOutOf(made)).toEqual(['capirca-source-port one some 4']);
    for (const one of proofs(made)) expect(one).toEqual(whole);
  });
});

describe('a filter', () => {
  const two = `${filter(accept(toServers), 'cisco in mixed')}${filter(accept(toServers), 'juniper out mixed')}`;

  it('is chosen where there are several: together they would allow what any of them does', () => {
    expect(codesOf(two)).toEqual(['capirca-filter pol/edge.pol:1']);
    expect(imported(two, { filters: ['out'] }).filters.map(({ name }) => name)).toEqual(['out']);
    expect(imported(two, { filters: ['1', 'out'] }).filters.map(({ name }) => name)).toEqual(['in', 'out']);
    expect(imported(two, { platform: 'cisco' }).filters.map(({ name }) => name)).toEqual(['in']);
    expect(codesOf(two, { filters: ['up'] })).toEqual(['capirca-filter pol/edge.pol:1']);
    expect(codesOf(two, { platform: 'nftables' })).toEqual(['capirca-filter pol/edge.pol:1']);
  });

  it('between zones says nothing until these are known', () => {
    const text = filter(accept('destination-address:: SERVERS'), 'srx from-zone lab to-zone servers mixed');
    const made = imported(text);
    expect(leftOutOf(made)).toEqual(['capirca-zones one all 4']);
    const known = imported(text, { before: 'TESTNET', behind: 'BOTH' });
    expect(linesOf(known)).toEqual(['testnet, web-servers, any, always']);
    for (const one of proofs(known)) expect(one).toEqual(whole);
  });

  it('is of the IP versions that its targets say, else of IPv4', () => {
    const text = filter(accept('source-address:: SERVERS destination-address:: SERVERS'), 'juniper edge');
    expect(linesOf(imported(text))).toEqual(['servers-ipv4, servers-ipv4, any, always']);
    expect(codesOf(text)).toEqual(['capirca-family pol/edge.pol:1']);
    expect(linesOf(imported(text, { families: [4, 6] }))).toEqual(['web-servers, web-servers, any, always']);
  });

  it('that lets pass what no term matches is told', () => {
    expect(codesOf(filter(accept(toServers), 'speedway INPUT ACCEPT inet'))).toEqual([
      'capirca-default-accept pol/edge.pol:1',
    ]);
  });

  it('has the terms of its platform', () => {
    const terms = `term a { ${toServers} platform:: cisco action:: accept } term b { verbatim:: juniper "x y" } ${accept(toServers)}`;
    const made = imported(filter(terms), { platform: 'juniper' });
    expect(made.filters[0]!.terms.map(({ name }) => name)).toEqual(['b', 'one']);
    expect(leftOutOf(made)).toEqual(['capirca-no-action b all 4']);
  });

  it('has no terms that are over', () => {
    const text = filter(accept(`${toServers} expiration:: 2026-11-23`));
    expect(codesOf(text)).toEqual(['capirca-expired pol/edge.pol:4']);
    expect(linesOf(imported(text))).toEqual([]);
    expect(linesOf(imported(filter(accept(`${toServers} expiration:: 2026-11-24`))))).toHaveLength(1);
  });
});

describe('what is written', () => {
  it('names place, filter, term, comment and owner, whatever they hold', () => {
    const text = filter(
      `term one {\n comment:: "for \\"web\\", (they say) # 7\n    and more" owner:: jane\n ${toServers} logging:: syslog action:: accept }`,
    );
    const made = imported(text);
    expect(made.files.get('rules/capirca-edge.csv')).toContain(
      `always, "pol/edge.pol:4 edge/one: for 'web', <they say> # 7 and more; owner jane"\n`,
    );
    expect(codesOf(text)).toEqual(['capirca-ignored pol/edge.pol:4']);
  });

  it('never takes a name that means something of its own', () => {
    const definitions = new Map([['a.net', 'INTERNAL = 192.0.2.0/24\nINTERNET = 198.51.100.0/24\n']]);
    const made = imported(filter(accept('source-address:: INTERNAL destination-address:: INTERNET')), { definitions });
    expect(linesOf(made)).toEqual(['internal-2, internet-2, any, always']);
  });
});

describe('files', () => {
  it.each<[string, string, string]>([
    ['without a header', 'term a { action:: accept }', 'capirca-syntax pol/edge.pol:1'],
    ['without a term', 'header { target:: cisco x }', 'capirca-syntax pol/edge.pol:1'],
    ['with a brace too few', 'header { target:: cisco x }\nterm a { action:: accept', 'capirca-syntax pol/edge.pol:2'],
    [
      'with a field without a value',
      'header { target:: cisco x }\nterm a { source-address:: action:: accept }',
      'capirca-syntax pol/edge.pol:2',
    ],
    [
      'with a word that is no keyword',
      'header { target:: cisco x }\nterm a { yes action:: accept }',
      'capirca-syntax pol/edge.pol:2',
    ],
    ['with what no file has', 'header { target:: cisco x }\n\nterm a { % }', 'capirca-syntax pol/edge.pol:3'],
    ['with nothing', '', 'capirca-syntax pol/edge.pol:1'],
    ['with an include that leads out', "#include '../secret.inc'", 'capirca-include pol/edge.pol:1'],
    ['with an include that there is not', "#include 'a.inc'", 'capirca-include pol/edge.pol:1'],
    [
      'with a network that is not defined',
      filter(accept('source-address:: NOWHERE')),
      'capirca-undefined pol/edge.pol:4',
    ],
    [
      'with a service that is not defined',
      filter(accept('protocol:: tcp destination-port:: NOTHING')),
      'capirca-undefined pol/edge.pol:4',
    ],
  ])('are refused with their place: %s', (_, text, code) => {
    expect(codesOf(text)).toEqual([code]);
  });

  it.each<[string, string, string]>([
    ['a name twice', 'A = 10.0.0.0/8\nA = 10.0.0.0/8', 'capirca-syntax a.net:2'],
    ['no name', '= 10.0.0.0/8', 'capirca-syntax a.net:1'],
    ['a value before any name', '10.0.0.0/8', 'capirca-syntax a.net:1'],
    ['a name that stands for itself', 'A = B\nB = A', 'capirca-undefined a.net:1'],
    ['a name that is not there', 'A = B', 'capirca-undefined a.net:1'],
    ['an address that is none', 'A = 10.0.0.0/8\n    10.0.0.256', 'capirca-undefined a.net:2'],
  ])('of definitions are refused with their place: %s', (_, text, code) => {
    const definitions = new Map([
      ['a.net', text],
      ['a.svc', services],
    ]);
    expect(codesOf(filter(accept('source-address:: A')), { definitions })).toEqual([code]);
  });

  it('may name the same thing any number of times', () => {
    const lines = Array.from({ length: 60 }, (_, i) => `N${i} = N${i + 1} N${i + 1}`);
    const definitions = new Map([['a.net', `${lines.join('\n')}\nN60 = 192.0.2.1\n${networks.replace(/^/, '')}`]]);
    expect(
      linesOf(imported(filter(accept('source-address:: N0 destination-address:: MAIL')), { definitions })),
    ).toEqual(['n0, mail, any, always']);
  });

  it('include others, so and so deep', () => {
    const including = (path: string) =>
      path === 'inc/a.inc' ? { file: 'inc/a.inc', text: `\n${accept(toServers)}` } : null;
    const made = imported(`${filter('')}#include "inc/a.inc"\n`, { including });
    expect(made.filters[0]!.terms[0]!.span).toEqual({ file: 'inc/a.inc', line: 2, column: 1 });
    const self = () => ({ file: 'x.inc', text: '#include x.inc' });
    expect(codesOf('#include x.inc', { including: self })).toEqual(['capirca-include x.inc:1']);
  });

  it('that say who is where are refused with a class or a network that there is not', () => {
    const text = filter(accept(toServers));
    expect(codesOf(text, { classes: new Map([['PUMPS', 'nobody']]) })).toEqual(['capirca-class']);
    expect(codesOf(text, { classes: new Map([['NOWHERE', 'pump']]) })).toEqual(['capirca-undefined --class:1']);
    expect(codesOf(text, { before: 'NOWHERE' })).toEqual(['capirca-undefined --from:1']);
    expect(codesOf(text, { name: 'Big Name' })).toEqual(['capirca-name']);
  });
});

describe('the codes', () => {
  it('are those of docs/capirca.md, with their severities', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/capirca.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `(capirca-[a-z-]+)` +\| (error|warning|info) /gm)].map(([, code, severity]) => [
      code,
      severity,
    ]);
    expect(rows).toEqual(Object.entries(capircaCodes).map(([code, [severity]]) => [code, severity]));
  });
});
