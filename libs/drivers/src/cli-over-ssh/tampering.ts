import { baseState, stateWithEntry, stateWithList } from '../conformance-states.js';
import type { ConformanceSubject } from '../conformance.js';
import type { DoHalf } from '../fault-injection.js';
import { mark } from '../lists.js';
import type { MakeName } from './make.js';
import type { SimulatedCli } from './simulated.js';

const [pumps] = baseState.rules.lists;
const name = pumps!.name;

const heads: Readonly<Record<MakeName, { readonly four: string; readonly six: string }>> = {
  'ios-xe': { four: 'ip access-list extended ', six: 'ipv6 access-list ' },
  'aos-cx': { four: 'access-list ip ', six: 'access-list ipv6 ' },
};

/**
 * What the conformance kit does behind the driver's back: lines, as somebody would type them. `@2` stands for the number that the second
 * entry of the list has, `@2+` for the one behind it.
 */
function tamperingLines(make: MakeName): Readonly<Record<string, readonly string[]>> {
  const { four, six } = heads[make];
  const [list4, list6] = [`${four}${name}`, `${six}${name}${make === 'ios-xe' ? '-V6' : ''}`];
  const of = (ios: string, aos: string): string => (make === 'ios-xe' ? ios : aos);
  const any = of('ip', 'any');
  const deny = (host: string): string => `deny tcp any ${of('host ', '')}${host}`;
  return {
    'both lists of a name are deleted': [`no ${list4}`, `no ${list6}`],
    'the list of a family is deleted': [`no ${list6}`],
    'a list of ours is opened': [list4, `1 permit ${any} any any`],
    'a list of ours is opened in IPv6': [list6, `${of('sequence 1', '1')} permit ${of('ipv6', 'any')} any any`],
    'a denying entry is deleted': [list4, 'no @2'],
    'the last entry is deleted': [list4, 'no @9'],
    'all entries but the last are deleted': [list4, ...Array.from({ length: 8 }, (_, i) => `no @${i + 1}`)],
    'an entry does the opposite': [list4, 'no @2', `@2 permit ${deny('10.10.0.66').slice(5)}`],
    'an entry is for all ports': [list4, 'no @3', `@3 permit tcp any ${of('10.10.0.0 0.0.0.255', '10.10.0.0/24')}`],
    'an entry has a condition more': [list4, 'no @2', `@2 ${deny('10.10.0.66')} dscp ef`],
    'a denying entry is moved behind others': [list4, 'no @2', `@8+ ${deny('10.10.0.66')}`],
    'a permitting entry is moved to the front': [
      list4,
      'no @8',
      `1 permit ${any} any ${of('10.30.0.0 0.0.0.255', '10.30.0.0/24')}`,
    ],
    'a denying entry takes the place of another': [list4, 'no @2', `@2 ${deny('10.10.0.67')}`],
    'a list with our mark is added': [`${four}${mark}by-hand`, `10 permit ${any} any any`],
  };
}

export function tamperings(device: SimulatedCli, make: MakeName): Readonly<Record<string, () => Promise<void>>> {
  const type = async (lines: readonly string[]): Promise<void> => {
    const numbers = [...(device.lists.get(lines[0]!)?.keys() ?? [])];
    const numberAt = (_: string, place: string, more: string): string =>
      `${numbers[Number(place) - 1]! + (more === '' ? 0 : 1)}`;
    device.type(lines.map((line) => line.replace(/@(\d)(\+?)/, numberAt)));
    return Promise.resolve();
  };
  return Object.fromEntries(Object.entries(tamperingLines(make)).map(([title, lines]) => [title, () => type(lines)]));
}

/** What is on the switch before us, and stays. */
export const foreignLines = (make: MakeName): readonly string[] => [
  `${heads[make].four}THEIRS`,
  `10 permit ${make === 'ios-xe' ? 'ip' : 'any'} any any`,
  `${heads[make].six}THEIRS6`,
  `${make === 'ios-xe' ? 'sequence 10' : '10'} permit tcp any any eq 80`,
];

export const foreignOn = (device: SimulatedCli): string => device.list((head) => !head.includes(` ${mark}`));

/** Methods of a `CliDevice` that change something. */
export const cliChanges: ReadonlySet<string> = new Set(['begin', 'enter', 'confirm', 'settle', 'save']);

/** A line can't be done in part, and is not done. */
export const doNothing: DoHalf = () => Promise.resolve();

/** What the makes have no words for. */
export const wordless: ConformanceSubject['inexpressible'] = {
  'ports of a protocol without any': [
    stateWithEntry({ protocol: 50, destinationPorts: { first: 7, last: 7 } }),
    /do not fit together/,
  ],
  'protocol 0': [stateWithEntry({ protocol: 0 }), /protocol 0/],
  'a name without our mark': [stateWithList({ name: 'pumps' }), /list `pumps`/],
  'a name that is too long': [stateWithList({ name: `cordon-${'x'.repeat(60)}` }), /has a name/],
  'a name that would be two words': [stateWithList({ name: 'cordon-a b' }), /has a name/],
};
