import { addressSet, formatAddress, noAddresses, PacketSpace, parseRange, type AddressSet, type PacketSet } from '#net';
import { compilePolicy, loadPolicy, type Snapshot } from '#policy';
import { importMud, type MudImport, type MudImportInput } from '../mud/import-mud.js';
import { MudMeaning, openingsOf, type MudWorld, type Openings } from '../mud/meaning.js';
import type { MudNames } from '../mud/peers.js';

export const setOf = (...texts: string[]): AddressSet => addressSet(texts.map((text) => parseRange(text)!));

/** A network that has a name for every word of a MUD file. */
const homeFiles: Readonly<Record<string, string>> = {
  'catalog/classes.yaml': 'gadget: {}\ntoothbrush: {}\nhairbrush: {}\n',
  'catalog/endpoints.yaml': `internal: { addresses: [10.0.0.0/8, 192.168.0.0/16, 224.0.0.0/4, 255.255.255.255, "fd00::/8", "ff00::/8"] }
lan: { addresses: [192.168.0.0/16, 224.0.0.0/4, 255.255.255.255, "fd50::/64", "ff00::/8"] }
gateway: { addresses: [192.168.1.1, "fd50::1"] }
resolver: { addresses: [10.10.0.10, "fd10::10"] }
hub: { addresses: [10.10.4.4] }
`,
  'catalog/applications.yaml': `dns-udp: { ports: [udp/53] }
https: { ports: [tcp/443] }
est: { ports: [tcp/443] }
`,
  'catalog/segments.yaml': `things:
  dedicatedTo: gadget
  sites: { main: { vlan: 77, prefixes: [10.77.0.0/24, "fd77::/64"] } }
`,
  'catalog/sites.yaml': 'main: {}\n',
  'rules/flows.csv': 'p, gadget, hub, https, allow, always, "the name that is used for tcp/443"\n',
};

export const homeNames: MudNames = {
  localNetworks: 'lan',
  myController: 'hub',
  sameManufacturer: 'gadget',
  controllers: new Map([
    ['urn:ietf:params:mud:dns', 'resolver'],
    ['urn:ietf:params:mud:gateway', 'gateway'],
    ['https://controller.nist.local', 'hub'],
  ]),
  manufacturers: new Map([
    ['toothbrush.nist.local', 'toothbrush'],
    ['hairbrush.nist.local', 'hairbrush'],
  ]),
  models: new Map([
    ['https://toothbrush.nist.local/super1', 'toothbrush'],
    ['https://hairbrush.nist.local/super1', 'hairbrush'],
  ]),
};

export const noNames: MudNames = {
  localNetworks: null,
  myController: null,
  sameManufacturer: null,
  controllers: new Map(),
  manufacturers: new Map(),
  models: new Map(),
};

export const noon = new Date('2026-11-23T11:00:00Z');
const device = setOf('10.77.0.5', 'fd77::5');
const placeOfClass: Readonly<Record<string, AddressSet>> = {
  gadget: setOf('10.77.0.66', 'fd77::66'),
  toothbrush: setOf('10.88.0.1', 'fd88::1'),
  hairbrush: setOf('10.88.0.2', 'fd88::2'),
};

export function compiled(files: ReadonlyMap<string, string>): Snapshot {
  const loaded = loadPolicy(files);
  if (!loaded.ok)
    throw new Error(`refused: ${JSON.stringify(loaded.diagnostics[0])}\n${[...files.values()].join('\n')}`);
  const made = compilePolicy(loaded.value, noon);
  if (!made.ok) throw new Error(`does not compile: ${JSON.stringify(made.diagnostics[0])}`);
  return made.value;
}

export const homePolicy = new Map(Object.entries(homeFiles));
export const homeSnapshot = compiled(homePolicy);

/** Each name has an address of either version that no other name has. */
export class Resolver {
  private readonly known = new Map<string, AddressSet>();

  of(name: string): AddressSet {
    const known = this.known.get(name);
    if (known) return known;
    const value = BigInt(this.known.size + 1);
    const texts = [
      formatAddress({ family: 4, value: 0xc612_0000n + value }),
      formatAddress({ family: 6, value: (0x2001_0db8n << 96n) + value }),
    ];
    const made = setOf(...texts);
    this.known.set(name, made);
    return made;
  }

  resolved(names: readonly string[]): ReadonlyMap<string, AddressSet> {
    return new Map(names.map((name) => [name, this.of(name)]));
  }
}

export const baseInput: Omit<MudImportInput, 'text'> = {
  file: 'device.json',
  snapshot: homeSnapshot,
  class: 'thing',
  criticality: 'standard',
  parents: [],
  names: homeNames,
  resolved: new Map(),
  asked: null,
  oneWay: false,
};

export function imported(input: MudImportInput): MudImport {
  const made = importMud(input);
  if (!made.ok) throw new Error(JSON.stringify(made.diagnostics));
  return made.value;
}

export interface RoundTrip {
  /** What the compiled policy allows, and what the file means. */
  readonly allowed: Openings;
  readonly meant: Openings;
  /** What the entries match that are left out, cut, or only answer. */
  readonly reported: Openings;
  readonly snapshot: Snapshot;
}

/** Puts an import into its policy, compiles it, and asks both for their packets. */
export function roundTrip(made: MudImport, { names, resolved, oneWay }: Omit<MudImportInput, 'text'>): RoundTrip {
  const space = new PacketSpace();
  const snapshot = compiled(new Map([...homePolicy, ...made.files]));
  const classOf = (name: string): AddressSet => placeOfClass[name] ?? noAddresses;
  const addressesOf = (name: string | null | undefined): AddressSet | null =>
    name ? (homeSnapshot.endpoints.find((one) => one.name === name)?.addresses ?? classOf(name)) : null;
  const world: MudWorld = {
    device,
    named: (name) => resolved.get(name) ?? null,
    peer: (peer) => {
      switch (peer.kind) {
        case 'local-networks':
          return addressesOf(names.localNetworks);
        case 'my-controller':
          return addressesOf(names.myController);
        case 'same-manufacturer':
          return addressesOf(names.sameManufacturer);
        case 'controller':
          return addressesOf(names.controllers.get(peer.value));
        case 'manufacturer':
          return addressesOf(names.manufacturers.get(peer.value));
        case 'model':
          return addressesOf(names.models.get(peer.value));
        default:
          return peer;
      }
    },
  };
  const meaning = new MudMeaning(space, made.file, world);
  const told = new Set([...made.leftOut.map(({ entry }) => entry), ...made.answers]);
  const reported = (direction: 'from-device' | 'to-device'): PacketSet =>
    space.union([...told].filter((entry) => entry.direction === direction).map((entry) => meaning.matchedBy(entry)));
  return {
    allowed: openingsOf(space, snapshot.flows[made.class]!, device, classOf),
    meant: meaning.openings(oneWay),
    reported: { 'from-device': reported('from-device'), 'to-device': reported('to-device') },
    snapshot,
  };
}
