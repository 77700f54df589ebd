import type { Diagnostic } from '#base';
import {
  formatServices,
  intersectAddresses,
  isEmptyAddressSet,
  noAddresses,
  protocols,
  serviceAlgebra,
  unionAddresses,
  type AddressSet,
  type Family,
  type ServiceSet,
} from '#net';
import { finding, type MudCode } from './codes.js';
import { flowsOfEntry, widestDrop, type DropFlows, type EntryFlows } from './entry-flows.js';
import { answerless, hasFamily, withinBoxes, withoutBoxes, wholeProtocol, type FlowBox } from './flow-box.js';
import type { Direction, MudEntry, MudFile } from './mud-file.js';
import type { MudBindings } from './peers.js';

/** Connections that the file allows, as one rule line says them. */
export interface MudFlow {
  /** Who opens: the device, or the far side. */
  readonly direction: Direction;
  readonly class: string | null;
  readonly addresses: AddressSet;
  readonly label: string;
  readonly services: ServiceSet;
  /** Those that allow it, in order of the file. */
  readonly entries: readonly MudEntry[];
}

/** An entry of the file that is not carried, or not all of it. */
export interface LeftOutEntry {
  readonly entry: MudEntry;
  readonly part: 'all' | 'some';
  readonly why: Diagnostic;
}

export interface Translation {
  readonly flows: readonly MudFlow[];
  readonly leftOut: readonly LeftOutEntry[];
  /** Entries that only let answers pass, to connections that are carried: policy does so by itself. */
  readonly answers: readonly MudEntry[];
}

export interface TranslateOptions {
  /** Carry what opens connections whose answers the file does not allow. Policy allows answers always. */
  readonly oneWay: boolean;
  /** Addresses of device segments: who opens connections from there is told by class, never by address. */
  readonly segments: AddressSet;
  /** The class that the file is imported as, and those above it: on both sides of a flow the file holds. */
  readonly ownClasses: ReadonlySet<string>;
}

const otherOf = (direction: Direction): Direction => (direction === 'from-device' ? 'to-device' : 'from-device');

/**
 * What a MUD file allows, as flows that policy can say. Pure set algebra; names are chosen elsewhere.
 *
 * INVARIANT: never wider than the file. What can't be carried exactly is cut or left out, and each entry that this concerns
 * is in `leftOut`. A drop counts as wide as it may be.
 */
export function translateMud(file: MudFile, bindings: MudBindings, options: TranslateOptions): Translation {
  return new Translator(file, bindings, options).translate();
}

/** A box for the far side: addresses of one class can only be compared with those of the same class. */
interface SidedBox extends FlowBox {
  readonly class: string | null;
}

interface Accepted {
  readonly flows: EntryFlows;
  readonly opens: readonly SidedBox[];
  readonly answers: readonly SidedBox[];
}

interface Piece extends SidedBox {
  readonly accepted: Accepted;
}

class Translator {
  private readonly leftOut: LeftOutEntry[] = [];

  constructor(
    private readonly file: MudFile,
    private readonly bindings: MudBindings,
    private readonly options: TranslateOptions,
  ) {}

  translate(): Translation {
    const lists = { 'from-device': this.accepted('from-device'), 'to-device': this.accepted('to-device') };
    const found = { 'from-device': [] as Piece[], 'to-device': [] as Piece[] };
    for (const direction of ['from-device', 'to-device'] as const) {
      const answers = lists[otherOf(direction)].flatMap((one) => one.answers);
      const pieces = lists[direction].flatMap((one) => this.answeredPieces(one, answers));
      found[direction] = this.inBothFamilies(this.fromEndpoints(direction, pieces));
    }
    const carried = {
      'from-device': this.betweenOwn(found['from-device'], found['to-device']),
      'to-device': this.betweenOwn(found['to-device'], found['from-device']),
    };
    const answers = (['from-device', 'to-device'] as const).flatMap((direction) =>
      lists[direction].flatMap((one) => this.answering(one, carried[otherOf(direction)])),
    );
    return { flows: joinFlows(carried), leftOut: this.inOrder(), answers };
  }

  /** The accepting entries of a direction, without what earlier drops stop. */
  private accepted(direction: Direction): Accepted[] {
    const drops: { family: Family | null; flows: DropFlows }[] = [];
    return this.file.entries[direction].flatMap((entry): Accepted[] => {
      if (!entry.accepts) {
        const { family } = entry;
        if (family !== null) drops.push({ family, flows: widestDrop(entry, this.bindings) });
        return [];
      }
      const read = flowsOfEntry(entry, this.bindings);
      if ('problem' in read) {
        this.leftOut.push({ entry, part: 'all', why: read.problem });
        return [];
      }
      const above = drops.filter(({ family }) => family === entry.family).map(({ flows }) => flows);
      return this.belowDrops(read.flows, above);
    });
  }

  private belowDrops(flows: EntryFlows, drops: readonly DropFlows[]): Accepted[] {
    const { entry, peer, opens, answers } = flows;
    if (opens.length === 0 && answers.length === 0) {
      const summary = 'both ports have a condition: policy can say the port of the service only';
      this.leave(entry, 'mud-source-port', summary, 'write a rule by hand if any source port will do');
      return [];
    }
    const cut = (services: ServiceSet, of: (drop: DropFlows) => FlowBox): SidedBox[] => {
      const boxes = drops.map((drop) =>
        drop.isVague || peer.class !== null ? { ...of(drop), addresses: peer.addresses } : of(drop),
      );
      const left = withoutBoxes({ addresses: peer.addresses, services }, boxes);
      return left.map((box) => ({ ...box, class: peer.class }));
    };
    const left = { flows, opens: cut(opens, (drop) => drop.opens), answers: cut(answers, (drop) => drop.answers) };
    const isCut =
      opens.length > 0
        ? !covers(left.opens, { addresses: peer.addresses, services: opens })
        : left.answers.length === 0;
    if (isCut) {
      const summary = 'an earlier drop of the list stops it, or may';
      this.leave(entry, 'mud-overlaid', summary, 'read the drops above it', left.opens.length === 0 ? 'all' : 'some');
    }
    return left.opens.length + left.answers.length === 0 ? [] : [left];
  }

  /** What of it the file lets be answered. */
  private answeredPieces(accepted: Accepted, answers: readonly SidedBox[]): Piece[] {
    const { entry, peer } = accepted.flows;
    const matching = answers.filter((one) => one.class === peer.class);
    const pieces = accepted.opens.flatMap((box) => {
      const free = this.options.oneWay
        ? [box]
        : [...answerless(box, entry.direction === 'from-device' && peer.class === null), ...matching];
      const isWhole = covers(free, box) || isOfIcmp(box.services);
      // Of what is about every protocol, the messages of ICMP alone are no use to anybody.
      const parts = withinBoxes(
        isWhole ? box : { ...box, services: serviceAlgebra.subtract(box.services, icmp) },
        free,
      );
      return parts.map((part) => ({ ...part, class: peer.class, accepted }));
    });
    const isAll = accepted.opens.every((box) => covers(pieces, box));
    if (!isAll) {
      const missing = accepted.opens.flatMap((box) => withoutBoxes(box, pieces));
      const services = formatServices(serviceAlgebra.normalize(missing.flatMap((box) => box.services)));
      const summary = `no entry allows the answers to \`${services}\``;
      const hint = 'policy lets answers pass always: take it with --one-way if that is right';
      this.leave(entry, 'mud-one-way', summary, hint, pieces.length === 0 ? 'all' : 'some');
    }
    return pieces;
  }

  /** Who is in a device segment is told by class: an address there says nothing about who has it. */
  private fromEndpoints(direction: Direction, pieces: readonly Piece[]): Piece[] {
    if (direction === 'from-device') return [...pieces];
    return pieces.filter((piece) => {
      const { entry } = piece.accepted.flows;
      if (piece.class !== null || isEmptyAddressSet(intersectAddresses(piece.addresses, this.options.segments)))
        return true;
      const summary = `\`${piece.accepted.flows.peer.label}\` covers addresses of device segments`;
      const hint = 'name a class for it: --local CLASS, or write the rules by hand';
      this.leave(entry, 'mud-covers-devices', summary, hint);
      return false;
    });
  }

  /** A rule about a class holds for both IP versions: what the file allows in one of them only is cut. */
  private inBothFamilies(pieces: readonly Piece[]): Piece[] {
    return pieces.flatMap((piece) => {
      if (piece.class === null) return [piece];
      const both = bothFamilies(pieces.filter((one) => one.class === piece.class));
      const services = serviceAlgebra.intersect(piece.services, both);
      const isAll = serviceAlgebra.equals(services, piece.services);
      if (!isAll) {
        const family = hasFamily(piece.addresses, 4) ? 4 : 6;
        const summary = `the entry is about IPv${family}, and a rule about class \`${piece.class}\` holds for both IP versions`;
        const hint = 'write the rule by hand if both will do, or name an endpoint instead of a class';
        this.leave(piece.accepted.flows.entry, 'mud-one-family', summary, hint, services.length > 0 ? 'some' : 'all');
      }
      return services.length === 0 ? [] : [{ ...piece, services }];
    });
  }

  /** Between two devices of the class the file holds for both: one must be allowed to send, and the other to receive. */
  private betweenOwn(pieces: readonly Piece[], others: readonly Piece[]): Piece[] {
    return pieces.flatMap((piece) => {
      if (piece.class === null || !this.options.ownClasses.has(piece.class)) return [piece];
      const same = others.filter((one) => one.class === piece.class);
      const services = serviceAlgebra.intersect(
        piece.services,
        serviceAlgebra.normalize(same.flatMap((one) => one.services)),
      );
      if (!serviceAlgebra.equals(services, piece.services)) {
        const summary = `devices of \`${piece.class}\` may open it ${piece.accepted.flows.entry.direction === 'from-device' ? 'and not receive it' : 'to the device, which may not open it'}`;
        const hint = 'name a class that does not contain this one, or ask for a file that allows both';
        this.leave(piece.accepted.flows.entry, 'mud-own-class', summary, hint, services.length > 0 ? 'some' : 'all');
      }
      return services.length === 0 ? [] : [{ ...piece, services }];
    });
  }

  /** Entries that open nothing: they answer what is carried, or are left out. */
  private answering({ flows, answers }: Accepted, carried: readonly Piece[]): MudEntry[] {
    const { entry, opens, peer } = flows;
    if (opens.length > 0) return [];
    const isNeeded = answers.some((box) =>
      carried.some((piece) => piece.class === peer.class && withinBoxes(piece, [box]).length > 0),
    );
    if (isNeeded) return [entry];
    const summary = 'it lets answers pass, and nothing that they could answer is carried';
    const hint = 'nothing to do if what they answer is left out, too; else write a rule by hand';
    this.leave(entry, 'mud-answers-nothing', summary, hint);
    return [];
  }

  private leave(
    entry: MudEntry,
    code: MudCode,
    summary: string,
    hint: string,
    part: LeftOutEntry['part'] = 'all',
  ): void {
    this.leftOut.push({ entry, part, why: finding(code, summary, hint, entry.span) });
  }

  private inOrder(): LeftOutEntry[] {
    return this.leftOut.sort(
      (a, b) => a.entry.span.line - b.entry.span.line || a.entry.span.column - b.entry.span.column,
    );
  }
}

const covers = (boxes: readonly FlowBox[], box: FlowBox): boolean => withoutBoxes(box, boxes).length === 0;

const icmp = serviceAlgebra.normalize([...wholeProtocol(protocols.icmp), ...wholeProtocol(protocols.icmp6)]);
const isOfIcmp = (services: ServiceSet): boolean => serviceAlgebra.isSubset(services, icmp);

const icmpOf = { 4: wholeProtocol(protocols.icmp), 6: wholeProtocol(protocols.icmp6) } as const;

/** The services for which a rule without an IP version allows no more than these pieces of one class do. */
function bothFamilies(pieces: readonly Piece[]): ServiceSet {
  const of = (family: 4 | 6): ServiceSet =>
    serviceAlgebra.normalize(
      pieces.filter(({ addresses }) => hasFamily(addresses, family)).flatMap(({ services }) => services),
    );
  const [v4, v6] = [of(4), of(6)];
  return serviceAlgebra.normalize([
    ...serviceAlgebra.intersect(v4, v6),
    ...serviceAlgebra.intersect(v4, icmpOf[4]),
    ...serviceAlgebra.intersect(v6, icmpOf[6]),
  ]);
}

/** Pieces towards one far side for the same services are one flow: mostly IPv4 and IPv6 of it. */
function joinFlows(carried: Readonly<Record<Direction, readonly Piece[]>>): MudFlow[] {
  const flows = new Map<string, MudFlow>();
  for (const direction of ['from-device', 'to-device'] as const) {
    for (const piece of carried[direction]) {
      const { entry, peer } = piece.accepted.flows;
      const key = [direction, piece.class ?? '', peer.label, formatServices(piece.services)].join('\n');
      const known = flows.get(key);
      const entries = known?.entries ?? [];
      flows.set(key, {
        direction,
        class: piece.class,
        addresses: unionAddresses(known?.addresses ?? noAddresses, piece.addresses),
        label: peer.label,
        services: piece.services,
        entries: entries.includes(entry) ? entries : [...entries, entry],
      });
    }
  }
  return [...flows.values()];
}
