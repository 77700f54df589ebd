import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { samplesFor } from '../conformance-states.js';
import { TerminalFault } from '../driver.js';
import { createNetconfDriver } from './index.js';
import { namespaces } from './model.js';
import { parse as parseIn } from './parse.js';
import { netconfNamespace } from './xml.js';

const parse = (text: string) => parseIn(text, 'DEFAULT');
const running = readFileSync(path.join(import.meta.dirname, 'testdata/netconfd-running.xml'), 'utf8');

describe('parse', () => {
  it('reads what netconfd 2.13 has running as the state that was brought there, in both models', () => {
    const observed = parse(running);
    // netconfd holds both at once, under the same names
    for (const model of ['ietf-acl', 'openconfig']) {
      const driver = createNetconfDriver({ model });
      const only = running.replace(
        model === 'ietf-acl' ? /<acl xmlns[\s\S]*?<\/acl>\s*(?=<acls)/ : /<acls[\s\S]*<\/acls>/,
        '',
      );
      const of = model === 'ietf-acl' ? only.replace(/<network-instances[\s\S]*<\/network-instances>/, '') : only;
      expect(of).not.toBe(running);
      expect(driver.plan(samplesFor(driver.enforces).baseState, driver.parse(of)).steps).toEqual([]);
    }
    expect([...observed.vlans.keys()]).toEqual([210, 999]);
    expect([...observed.lists.keys()].every((name) => name.startsWith('cordon-'))).toBe(true);
  });

  const data = (content: string): string => `<data xmlns="${netconfNamespace}">${content}</data>`;
  const ietf = (entry: string, type = 'acl:mixed-eth-ipv4-ipv6-acl-type'): string =>
    data(
      `<acls xmlns="${namespaces.ietfAcl}" xmlns:acl="${namespaces.ietfAcl}"><acl><name>cordon-x</name><type>${type}</type><aces>${entry}</aces></acl></acls>`,
    );
  const ace = (matches: string, actions = '<forwarding>acl:accept</forwarding>'): string =>
    ietf(`<ace><name>1</name><matches>${matches}</matches><actions>${actions}</actions></ace>`);
  const tcp = (ports: string): string =>
    ace(`<ipv4><protocol>6</protocol></ipv4><tcp><destination-port>${ports}</destination-port></tcp>`);
  const entry = (content: string, sequence = 1): string =>
    `<acl-entry><sequence-id>${sequence}</sequence-id><config><sequence-id>${sequence}</sequence-id></config>${content}` +
    '<actions><config><forwarding-action>ACCEPT</forwarding-action></config></actions></acl-entry>';
  const set = (entries: string, type = 'ACL_IPV4'): string =>
    data(
      `<acl xmlns="${namespaces.acl}" xmlns:t="${namespaces.packetMatchTypes}" xmlns:i="${namespaces.icmp4Types}"><acl-sets><acl-set>` +
        `<name>cordon-x</name><type>${type}</type><config><name>cordon-x</name><type>${type}</type></config>` +
        `<acl-entries>${entries}</acl-entries></acl-set></acl-sets></acl>`,
    );
  const ip = (config: string): string => set(entry(`<ipv4><config>${config}</config></ipv4>`));
  const transport = (config: string): string =>
    set(entry(`<ipv4><config><protocol>6</protocol></config></ipv4><transport><config>${config}</config></transport>`));
  const vlan = (config: string, instance = 'DEFAULT'): string =>
    data(
      `<network-instances xmlns="${namespaces.networkInstance}"><network-instance><name>${instance}</name><vlans><vlan><vlan-id>7</vlan-id>` +
        `<config><vlan-id>7</vlan-id>${config}</config></vlan></vlans></network-instance></network-instances>`,
    );
  const fingerprint = (text: string): string => parse(text).rulesFingerprint;

  it.each<[string, string, string]>([
    [
      'prefixes',
      ace('<ipv4><protocol>6</protocol></ipv4>'),
      ace('<ipv4><protocol>6</protocol></ipv4>').replaceAll('acl:', 'q:').replace('xmlns:acl', 'xmlns:q'),
    ],
    ['names of entries', ace('<ipv4/>'), ace('<ipv4/>').replace('<name>1<', '<name>9<')],
    ['a container with nothing in it', ace('<ipv4/><tcp/>'), ace('')],
    ['an operator that is the default', tcp('<port>80</port>'), tcp('<operator>eq</operator><port>80</port>')],
    ['a range of one port', tcp('<port>80</port>'), tcp('<lower-port>80</lower-port><upper-port>80</upper-port>')],
    [
      'logging that is the default',
      ace(''),
      ace('', '<forwarding>acl:accept</forwarding><logging>acl:log-none</logging>'),
    ],
    [
      'the order of leaves',
      ace('<ipv4><protocol>6</protocol><destination-ipv4-network>10.0.0.0/8</destination-ipv4-network></ipv4>'),
      ace('<ipv4><destination-ipv4-network>10.0.0.0/8</destination-ipv4-network><protocol>6</protocol></ipv4>'),
    ],
    [
      'a list of somebody else',
      ace(''),
      ace('').replace('<acls ', `<acls xmlns="${namespaces.ietfAcl}"><acl><name>theirs</name></acl></acls><acls `),
    ],
    [
      'the order of sets’ entries',
      set(entry('<ipv4/>', 1) + entry('<l/>', 2)),
      set(entry('<l/>', 2) + entry('<ipv4/>', 1)),
    ],
    ['a protocol by name', ip('<protocol>6</protocol>'), ip('<protocol>t:IP_TCP</protocol>')],
    [
      'zeros before a port',
      transport('<destination-port>080</destination-port>'),
      transport('<destination-port>80</destination-port>'),
    ],
    ['any port', transport('<destination-port>ANY</destination-port>'), transport('')],
    ['all addresses', ip('<destination-address>0.0.0.0/0</destination-address>'), ip('')],
    ['what is only told', set(entry('<state><matched-packets>7</matched-packets></state>')), set(entry(''))],
    [
      'a set of another type',
      set(entry('')),
      set(entry('')).replace('</acl-sets>', '<acl-set><name>cordon-x</name><type>ACL_L2</type></acl-set></acl-sets>'),
    ],
    [
      'a status that is the default',
      vlan('<name>cordon-a</name>'),
      vlan('<name>cordon-a</name><status>ACTIVE</status>'),
    ],
    ['a VLAN of somebody else', vlan('<name>theirs</name>'), data('')],
    ['a VLAN of another instance', vlan('<name>cordon-a</name>', 'OTHER'), data('')],
    ['a module that is not ours', ace(''), ace('').replace('<acls ', '<x xmlns="urn:x"/><acls ')],
  ])('takes no notice of %s', (_, a, b) => {
    expect(fingerprint(a)).toBe(fingerprint(b));
  });

  it.each<[string, string, string]>([
    ['an action', ace(''), ace('', '<forwarding>acl:drop</forwarding>')],
    ['an action that is not known', ace(''), ace('', '<forwarding>acl:reject</forwarding>')],
    ['an action of another module', ace(''), ace('', '<forwarding xmlns:acl="urn:x">acl:accept</forwarding>')],
    ['logging', ace(''), ace('', '<forwarding>acl:accept</forwarding><logging>acl:log-syslog</logging>')],
    ['an unknown condition', ace(''), ace('<ipv4><dscp>46</dscp></ipv4>')],
    ['an unknown leaf without content', ace(''), ace('<mirror xmlns="urn:vendor"/>')],
    ['a source', ace(''), ace('<ipv4><source-ipv4-network>10.0.0.0/8</source-ipv4-network></ipv4>')],
    ['an interface', ace(''), ace('<egress-interface>p1</egress-interface>')],
    ['a family', ace('<ipv4><protocol>6</protocol></ipv4>'), ace('<ipv6><protocol>6</protocol></ipv6>')],
    ['an operator', tcp('<port>80</port>'), tcp('<operator>neq</operator><port>80</port>')],
    ['TCP bits', tcp('<port>80</port>'), tcp('<port>80</port>').replace('<tcp>', '<tcp><flags>ack</flags>')],
    ['the type of a list', ietf(''), ietf('', 'acl:ipv4-acl-type')],
    ['the order of entries', ietf(two(ace, 'accept', 'drop')), ietf(two(ace, 'drop', 'accept'))],
    ['a vendor’s leaf beside the list', ace(''), ace('').replace('<aces>', '<hits xmlns="urn:vendor">1</hits><aces>')],
    [
      'a type of ICMP',
      set(entry('')),
      set(entry('<ipv4><icmpv4><config><type>i:ECHO</type></config></icmpv4></ipv4>')),
    ],
    [
      'a description',
      set(entry('')),
      set(entry('')).replace(
        '<type>ACL_IPV4</type></config>',
        '<type>ACL_IPV4</type><description>x</description></config>',
      ),
    ],
    ['an Ethernet header', set(entry('')), set(entry('<l2><config><ethertype>2048</ethertype></config></l2>'))],
    [
      'a header of the other family',
      set(entry('')),
      set(entry('<ipv6><config><protocol>6</protocol></config></ipv6>')),
    ],
    [
      'TCP bits in words',
      transport(''),
      transport('<detail-mode>BUILTIN</detail-mode><builtin-detail>TCP_INITIAL</builtin-detail>'),
    ],
    [
      'a sequence that changed',
      set(entry('<ipv4/>', 1)),
      set(entry('<ipv4/>', 1).replace('<config><sequence-id>1', '<config><sequence-id>2')),
    ],
    ['the name of a VLAN', vlan('<name>cordon-a</name>'), vlan('<name>cordon-b</name>')],
    [
      'a VLAN that is suspended',
      vlan('<name>cordon-a</name>'),
      vlan('<name>cordon-a</name><status>SUSPENDED</status>'),
    ],
    ['what a vendor adds to a VLAN', vlan('<name>cordon-a</name>'), vlan('<name>cordon-a</name><tpid>1</tpid>')],
  ])('notices %s', (_, a, b) => {
    expect(fingerprint(a)).not.toBe(fingerprint(b));
  });

  it.each([
    ['no XML', 'ip access-list extended x'],
    ['an answer that is none', `<rpc-reply xmlns="${netconfNamespace}"/>`],
    ['data of another namespace', '<data/>'],
    ['a document type', `<!DOCTYPE data><data xmlns="${netconfNamespace}"/>`],
  ])('refuses %s', (_, text) => {
    expect(() => parse(text)).toThrow(TerminalFault);
  });

  it('throws nothing but TerminalFault, whatever the text', () => {
    const broken = fc
      .tuple(
        fc.nat(running.length),
        fc.nat(60),
        fc.constantFrom('', '<', '</acl>', '<name>cordon-x</name>', '&#x;', '99999'),
      )
      .map(([at, cut, put]) => running.slice(0, at) + put + running.slice(at + cut));
    const line = fc.constantFrom(...running.split('\n').filter((text) => /<(\w|-)+>[^<]*<\//.test(text)));
    const shaped = fc.array(line, { maxLength: 20 }).map((lines) => ace(lines.join('')));
    fc.assert(
      fc.property(fc.oneof(broken, shaped), (text) => {
        try {
          parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(TerminalFault);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function two(ace: (matches: string, actions: string) => string, ...actions: string[]): string {
  const one = (action: string): string =>
    /<ace>.*<\/ace>/.exec(ace('', `<forwarding>acl:${action}</forwarding>`))?.[0].replace('>1<', `>${action}<`) ?? '';
  return actions.map(one).join('');
}
