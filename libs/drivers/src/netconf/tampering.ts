import { baseState, samplesFor, stateWithEntry, stateWithList } from '../conformance-states.js';
import type { ConformanceSubject } from '../conformance.js';
import type { DoHalf } from '../fault-injection.js';
import { isOurs } from '../lists.js';
import { namespaces, type ModelName } from './model.js';
import { formatElement, netconfNamespace, parseXml, type XmlElement } from './xml.js';

/** What the conformance kit does behind the driver's back, for a simulated and a real switch alike: as `config` of an edit. */
export function tamperings(model: ModelName): Readonly<Record<string, string>> {
  return model === 'ietf-acl' ? ietfTamperings : openconfigTamperings;
}

const [pumps] = baseState.rules.lists;
const name = pumps!.name;

const config = (content: string): string =>
  `<config xmlns="${netconfNamespace}" xmlns:nc="${netconfNamespace}">${content}</config>`;

const acls = (content: string): string => config(`<acls xmlns="${namespaces.ietfAcl}">${content}</acls>`);
const inIetf = (ace: string): string => acls(`<acl><name>${name}</name><aces>${ace}</aces></acl>`);
const openAce =
  '<ace><name>1</name><matches><ipv4><destination-ipv4-network>0.0.0.0/0</destination-ipv4-network></ipv4></matches><actions><forwarding>accept</forwarding></actions></ace>';

const ietfTamperings = {
  'a list of ours is deleted': acls(`<acl nc:operation="delete"><name>${name}</name></acl>`),
  'a list of ours is opened': acls(
    `<acl nc:operation="replace"><name>${name}</name><type>mixed-eth-ipv4-ipv6-acl-type</type><aces>${openAce}</aces></acl>`,
  ),
  'an entry of ours is deleted': inIetf('<ace nc:operation="delete"><name>20</name></ace>'),
  'an entry of ours does the opposite': inIetf(
    '<ace><name>30</name><actions><forwarding>accept</forwarding></actions></ace>',
  ),
  'an entry of ours is for other addresses': inIetf(
    '<ace><name>40</name><matches><ipv4><destination-ipv4-network>10.0.0.0/8</destination-ipv4-network></ipv4></matches></ace>',
  ),
  'an entry of ours has a condition more': inIetf(
    '<ace><name>40</name><matches><ipv4><dscp>46</dscp></ipv4></matches></ace>',
  ),
  'an entry is added': inIetf(openAce.replace('<name>1<', '<name>9999<')),
  'a list with our mark is added': acls(
    `<acl><name>cordon-by-hand</name><type>ipv4-acl-type</type><aces>${openAce}</aces></acl>`,
  ),
};

const sets = (content: string): string =>
  config(`<acl xmlns="${namespaces.acl}" xmlns:oc-acl="${namespaces.acl}"><acl-sets>${content}</acl-sets></acl>`);
const keys = (of: string, type = 'ACL_IPV4'): string => `<name>${of}</name><type>oc-acl:${type}</type>`;
const inSet = (entry: string): string => sets(`<acl-set>${keys(name)}<acl-entries>${entry}</acl-entries></acl-set>`);
const id = (sequence: number): string =>
  `<sequence-id>${sequence}</sequence-id><config><sequence-id>${sequence}</sequence-id></config>`;
const accept = '<actions><config><forwarding-action>ACCEPT</forwarding-action></config></actions>';
const openEntry = `<acl-entry>${id(1)}${accept}</acl-entry>`;
const vlan = (content: string, operation = 'merge'): string =>
  config(
    `<network-instances xmlns="${namespaces.networkInstance}"><network-instance><name>DEFAULT</name><vlans><vlan nc:operation="${operation}">${content}</vlan></vlans></network-instance></network-instances>`,
  );

const openconfigTamperings = {
  'both sets of a list are deleted': sets(
    ['ACL_IPV4', 'ACL_IPV6'].map((type) => `<acl-set nc:operation="delete">${keys(name, type)}</acl-set>`).join(''),
  ),
  'the set of a family is deleted': sets(`<acl-set nc:operation="delete">${keys(name, 'ACL_IPV6')}</acl-set>`),
  'a set of ours is opened': sets(
    `<acl-set nc:operation="replace">${keys(name)}<config>${keys(name)}</config><acl-entries>${openEntry}</acl-entries></acl-set>`,
  ),
  'an entry of ours is deleted': inSet('<acl-entry nc:operation="delete"><sequence-id>20</sequence-id></acl-entry>'),
  'an entry of ours does the opposite': inSet(`<acl-entry><sequence-id>20</sequence-id>${accept}</acl-entry>`),
  'an entry of ours is for other ports': inSet(
    '<acl-entry><sequence-id>30</sequence-id><transport><config><destination-port>1..65535</destination-port></config></transport></acl-entry>',
  ),
  'an entry of ours has a condition more': inSet(
    '<acl-entry><sequence-id>30</sequence-id><ipv4><config><dscp>46</dscp></config></ipv4></acl-entry>',
  ),
  'an entry is put first': inSet(openEntry),
  'a list with our mark is added': sets(
    `<acl-set>${keys('cordon-by-hand')}<config>${keys('cordon-by-hand')}</config><acl-entries>${openEntry}</acl-entries></acl-set>`,
  ),
  'a VLAN of ours is deleted': vlan('<vlan-id>210</vlan-id>', 'delete'),
  'a VLAN of ours is suspended': vlan('<vlan-id>210</vlan-id><config><status>SUSPENDED</status></config>'),
  'a VLAN of ours has the name of another': vlan('<vlan-id>210</vlan-id><config><name>cordon-other</name></config>'),
  'a VLAN with our mark is added': vlan(
    '<vlan-id>77</vlan-id><config><vlan-id>77</vlan-id><name>cordon-by-hand</name></config>',
  ),
};

/** Where VLANs are: switches come with it. */
export const defaultInstance = config(
  `<network-instances xmlns="${namespaces.networkInstance}"><network-instance><name>DEFAULT</name><config><name>DEFAULT</name></config></network-instance></network-instances>`,
);

/** What is on the switch before us, and stays. */
export const foreignConfig: Readonly<Record<ModelName, string>> = {
  'ietf-acl': acls(
    `<acl><name>theirs</name><type>ipv4-acl-type</type><aces>${openAce.replaceAll('0.0.0.0/0', '10.0.0.0/8')}</aces></acl>`,
  ),
  openconfig: config(
    `<acl xmlns="${namespaces.acl}" xmlns:oc-acl="${namespaces.acl}"><acl-sets><acl-set>${keys('theirs')}<config>${keys('theirs')}</config><acl-entries>${openEntry}</acl-entries></acl-set></acl-sets></acl>` +
      `<network-instances xmlns="${namespaces.networkInstance}"><network-instance><name>THEIRS</name><config><name>THEIRS</name></config>` +
      '<vlans><vlan><vlan-id>210</vlan-id><config><vlan-id>210</vlan-id><name>theirs</name></config></vlan></vlans></network-instance></network-instances>',
  ),
};

/**
 * Methods of a `NetconfDevice` that change something. Not `confirm`: when a switch ignores it, the change is there all the same until
 * its time is over, and then the switch takes it back. That it is then seen as not there has a test of its own.
 */
export const netconfChanges: ReadonlySet<string> = new Set(['edit', 'commitFor']);

/** A part of an edit is its first half of lists; a commit can't be done in part, and is not done. */
export const halfEdit =
  (edit: (config: string) => Promise<void>): DoHalf =>
  async (method, [text]) => {
    if (method !== 'edit') return;
    const config = text as string;
    const element = config.includes('<acl-set') ? 'acl-set' : 'acl';
    const lists = [...config.matchAll(new RegExp(`<${element} [\\s\\S]*?</${element}>\\n`, 'g'))].map(([list]) => list);
    const second = lists.slice(Math.ceil(lists.length / 2));
    await edit(second.reduce((half, list) => half.replace(list, ''), config));
  };

const { baseState: listsOnly } = samplesFor(['lists']);
/** What the models have no words for. */
export const wordless: Readonly<Record<ModelName, ConformanceSubject['inexpressible']>> = {
  'ietf-acl': {
    'ports of SCTP': [stateWithEntry({ protocol: 132, destinationPorts: { first: 7, last: 7 } }), /SCTP/],
    'a deny by TCP bits': [stateWithEntry({ action: 'deny', protocol: 6, established: true }), /TCP bits/],
    'ports of a protocol without any': [
      stateWithEntry({ protocol: 50, destinationPorts: { first: 7, last: 7 } }),
      /do not fit together/,
    ],
    'a name without our mark': [stateWithList({ name: 'pumps' }), /list `pumps`/],
    'a name that is too long': [stateWithList({ name: `cordon-${'x'.repeat(60)}` }), /has a name/],
  },
  openconfig: {
    'a type of ICMP without a name': [
      stateWithEntry({ protocol: 1, destinationPorts: { first: 8, last: 9 } }),
      /type 9 of ICMP/,
    ],
    'protocol 255': [stateWithEntry({ protocol: 255 }), /255/],
    'a name without our mark': [stateWithList({ name: 'pumps' }), /list `pumps`/],
    'a VLAN name with a line break': [
      { ...listsOnly, rules: { ...listsOnly.rules, vlans: [{ id: 7, name: 'a\nb' }] } },
      /VLAN 7/,
    ],
  },
};

/** What of a configuration is not ours, as text. */
export function foreignIn(text: string): string {
  const isForeign = ({ name, children }: XmlElement): boolean => {
    const named = name === 'vlan' ? children.flatMap((child) => child.children) : children;
    return !named.some((leaf) => leaf.name === 'name' && isOurs(leaf.text));
  };
  const without = (element: XmlElement): XmlElement => ({
    ...element,
    children: element.children.filter(isForeign).map(without),
  });
  return formatElement(without(parseXml(text)));
}
