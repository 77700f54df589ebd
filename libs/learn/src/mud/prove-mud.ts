import {
  families,
  familyOf,
  PacketSpace,
  type AddressSet,
  type ConcretePacket,
  type Family,
  type PacketSet,
} from '#net';
import type { Snapshot } from '#policy';
import type { MudImport } from './import-mud.js';
import { MudMeaning, type MudWorld, type Openings } from './meaning.js';
import type { Direction, MudPeer } from './mud-file.js';
import type { MudBindings } from './peers.js';

/** What an import did, told by packets; null: there is none. */
export interface MudProof {
  /** Its rules allow it, and the file does not: never, or the import is wrong. */
  readonly tooMuch: ConcretePacket | null;
  /** The file allows it, its rules do not, and no entry that is said to be left out speaks of it: never, too. */
  readonly unreported: ConcretePacket | null;
}

/** Compares the rules that an import wrote, as the policy reads them, with what the access lists of the file mean. */
export function proveMud(made: MudImport, snapshot: Snapshot, oneWay: boolean): MudProof {
  const space = new PacketSpace();
  const places = new ClassPlaces();
  const meaning = new MudMeaning(space, made.file, worldOf(made.bindings, places));
  const meant = meaning.openings(oneWay);
  const allowed = rulesOpen(space, made, snapshot, places);
  const told = new Set([...made.leftOut.map(({ entry }) => entry), ...made.answers]);
  const witness = (of: (direction: Direction) => PacketSet): ConcretePacket | null =>
    of('from-device').witness ?? of('to-device').witness;
  return {
    tooMuch: witness((direction) => allowed[direction].subtract(meant[direction])),
    unreported: witness((direction) => {
      const reported = [...told].filter((entry) => entry.direction === direction);
      const matched = space.union(reported.map((entry) => meaning.matchedBy(entry)));
      return meant[direction].subtract(allowed[direction]).subtract(matched);
    }),
  };
}

const deviceNumber = 1n;

/** An address of either version for the device, and for devices of each class: documentation addresses (RFC 5737, RFC 3849). */
class ClassPlaces {
  private readonly numbers = new Map<string, bigint>();
  readonly device = placeAt(deviceNumber);

  of(name: string): AddressSet {
    const known = this.numbers.get(name) ?? deviceNumber + 1n + BigInt(this.numbers.size);
    this.numbers.set(name, known);
    return placeAt(known);
  }
}

function placeAt(number: bigint): AddressSet {
  const [v4, v6] = [0xc000_0200n + number, (0x2001_0db8n << 96n) + number];
  return { v4: [{ first: v4, last: v4 }], v6: [{ first: v6, last: v6 }] };
}

function worldOf({ names, resolved, addressesOf }: MudBindings, places: ClassPlaces): MudWorld {
  const placeOf = (name: string | null | undefined): AddressSet | null =>
    name ? (addressesOf(name) ?? places.of(name)) : null;
  const nameOf = (peer: MudPeer): string | null | undefined => {
    switch (peer.kind) {
      case 'local-networks':
        return names.localNetworks;
      case 'my-controller':
        return names.myController;
      case 'same-manufacturer':
        return names.sameManufacturer;
      case 'controller':
        return names.controllers.get(peer.value);
      case 'manufacturer':
        return names.manufacturers.get(peer.value);
      case 'model':
        return names.models.get(peer.value);
      default:
        return peer;
    }
  };
  return {
    device: places.device,
    named: (name) => resolved.get(name) ?? null,
    peer: (peer) => placeOf(nameOf(peer)),
  };
}

/** What the rules of the import open, as the policy with them has read them. */
function rulesOpen(space: PacketSpace, made: MudImport, snapshot: Snapshot, places: ClassPlaces): Openings {
  const endpoints = new Map(snapshot.endpoints.map(({ name, addresses }) => [name, addresses]));
  const services = new Map(snapshot.applications.map(({ name, services: set }) => [name, set]));
  const far = (name: string, family: Family) => familyOf(endpoints.get(name) ?? places.of(name), family);
  const rules = snapshot.flowRules.filter(({ file, active }) => active && made.files.has(file));
  const of = (direction: Direction): PacketSet =>
    space.union(
      rules.flatMap(({ subject, object, application }) =>
        families.flatMap((family) => {
          const isOut = direction === 'from-device';
          if ((isOut ? subject : object) !== made.class) return [];
          const [own, other] = [familyOf(places.device, family), far(isOut ? object : subject, family)];
          const ends = isOut ? { source: own, destination: other } : { source: other, destination: own };
          return [space.match({ family, services: services.get(application) ?? [], established: false, ...ends })];
        }),
      ),
    );
  return { 'from-device': of('from-device'), 'to-device': of('to-device') };
}
