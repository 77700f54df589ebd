import { remembered, type Diagnostic, type SourceSpan } from '#base';
import {
  addressAlgebra,
  addressSet,
  bitsOf,
  parseAddress,
  serviceAlgebra,
  unionAddresses,
  noAddresses,
  type AddressRange,
  type AddressSet,
  type Interval,
} from '#net';
import { finding } from './codes.js';

interface Item {
  readonly text: string;
  readonly span: SourceSpan;
}

interface Entry {
  readonly items: Item[];
  readonly span: SourceSpan;
}

interface Names {
  readonly what: string;
  readonly entries: Map<string, Entry>;
  /** What names stand for, each once: a few lines could name the same thing any number of times. */
  readonly known: Map<string, readonly Item[] | Diagnostic>;
}

/** A port or a range of them, of a protocol in small letters. */
export interface DefinedPorts {
  readonly protocol: string;
  readonly ports: Interval<number>;
}

/** Deeper than any file is, and no stack. */
const maxDepth = 100;
const tokenPattern = /^[-_A-Za-z\d]+$/;
const maxLength = 4 << 20;

/** Names of networks (`.net`) and services (`.svc`), which may stand for each other. */
export class Definitions {
  private readonly networks: Names = { what: 'network', entries: new Map(), known: new Map() };
  private readonly services: Names = { what: 'service', entries: new Map(), known: new Map() };
  private readonly addresses = new Map<string, AddressSet | Diagnostic>();
  readonly problems: Diagnostic[] = [];

  /** `files`: name → text. Those with another ending are not looked at. */
  constructor(files: ReadonlyMap<string, string>) {
    for (const [file, text] of files) {
      if (file.endsWith('.net')) this.read(file, text, this.networks.entries);
      if (file.endsWith('.svc')) this.read(file, text, this.services.entries);
    }
  }

  /** A diagnostic says what of it is not defined, or wrong. */
  addressesOf(name: string, span: SourceSpan): AddressSet | Diagnostic {
    const known = this.addresses.get(name);
    if (known) return known;
    const found = this.collect(name, span, this.networks, []);
    const made = 'severity' in found ? found : this.unite(found);
    this.addresses.set(name, made);
    return made;
  }

  private unite(items: readonly Item[]): AddressSet | Diagnostic {
    const ranges: AddressRange[] = [];
    for (const { text, span } of items) {
      const range = readNetwork(text);
      if (!range) return undefined_(`\`${text}\` is no address and no network`, span);
      ranges.push(range);
    }
    return addressSet(ranges);
  }

  portsOf(name: string, span: SourceSpan): readonly DefinedPorts[] | Diagnostic {
    const found = this.collect(name, span, this.services, []);
    if ('severity' in found) return found;
    const ports: DefinedPorts[] = [];
    for (const item of found) {
      const read = readPorts(item.text);
      if (!read) return undefined_(`\`${item.text}\` is no port with its protocol, as 443/tcp`, item.span);
      ports.push(read);
    }
    return ports;
  }

  /** All that is no name, through all names. */
  private collect(
    name: string,
    span: SourceSpan,
    names: Names,
    above: readonly string[],
  ): readonly Item[] | Diagnostic {
    const entry = names.entries.get(name);
    if (!entry) return undefined_(`${names.what} \`${name}\` is not defined`, span);
    if (above.includes(name) || above.length > maxDepth)
      return undefined_(`${names.what} \`${name}\` stands for itself: ${[...above, name].join(' → ')}`, entry.span);
    return remembered(names.known, name, () => {
      const items = new Map<string, Item>();
      for (const item of entry.items) {
        const inner = tokenPattern.test(item.text)
          ? this.collect(item.text, item.span, names, [...above, name])
          : [item];
        if ('severity' in inner) return inner;
        for (const one of inner) if (!items.has(one.text)) items.set(one.text, one);
      }
      return [...items.values()];
    });
  }

  /** `NAME = value value # comment`; lines without `=` go on with the name above. */
  private read(file: string, text: string, into: Map<string, Entry>): void {
    if (text.length > maxLength) {
      this.problems.push(
        finding('capirca-syntax', `the file has over ${maxLength} characters`, 'split it', {
          file,
          line: 1,
          column: 1,
        }),
      );
      return;
    }
    let current: Entry | null = null;
    for (const [index, whole] of text.split('\n').entries()) {
      const line = whole.replace(/#.*/, '');
      const spanAt = (column: number): SourceSpan => ({ file, line: index + 1, column: column + 1 });
      const equals = line.indexOf('=');
      if (equals >= 0) {
        const name = line.slice(0, equals).trim();
        const span = spanAt(line.search(/\S/));
        current = { items: [], span };
        if (!tokenPattern.test(name)) this.syntax(`\`${name}\` is no name`, span);
        else if (into.has(name)) this.syntax(`\`${name}\` is defined twice`, span);
        else into.set(name, current);
      }
      for (const word of line.slice(equals + 1).matchAll(/[^\s=]+/g)) {
        const span = spanAt(equals + 1 + word.index);
        if (current) current.items.push({ text: word[0], span });
        else this.syntax(`\`${word[0]}\` belongs to no name`, span);
      }
      if (line.split('=').length > 2) this.syntax('a line has two `=`', spanAt(line.lastIndexOf('=')));
    }
  }

  private syntax(summary: string, span: SourceSpan): void {
    this.problems.push(finding('capirca-syntax', summary, 'write NAME = value value', span));
  }
}

const undefined_ = (summary: string, span: SourceSpan): Diagnostic =>
  finding('capirca-undefined', summary, 'correct it in the folder of --def', span);

/** Bits behind the prefix don't count, as Capirca has it. Also `10.0.0.0/255.0.0.0`. */
function readNetwork(text: string): AddressRange | null {
  const [head = '', tail, ...rest] = text.split('/');
  const address = parseAddress(head);
  if (!address || rest.length > 0) return null;
  const bits = bitsOf(address.family);
  const length = tail === undefined ? bits : readLength(tail, address.family === 4);
  if (length === null || length > bits) return null;
  const host = (1n << BigInt(bits - length)) - 1n;
  const first = address.value & ~host;
  return { family: address.family, first, last: first | host };
}

function readLength(text: string, isIpv4: boolean): number | null {
  if (/^(0|[1-9]\d{0,2})$/.test(text)) return Number(text);
  const mask = isIpv4 ? parseAddress(text) : null;
  if (mask?.family !== 4) return null;
  const ones = mask.value.toString(2).padStart(32, '0');
  return /^1*0*$/.test(ones) ? ones.lastIndexOf('1') + 1 : null;
}

function readPorts(text: string): DefinedPorts | null {
  const [, low, high, protocol] = /^(\d{1,5})(?:-(\d{1,5}))?\/(\w+)$/.exec(text) ?? [];
  if (low === undefined || protocol === undefined) return null;
  const [first, last] = [Number(low), Number(high ?? low)];
  return first <= last && last <= 0xffff ? { protocol: protocol.toLowerCase(), ports: { first, last } } : null;
}

/** Both, in one set. */
export const uniteAddresses = (sets: readonly AddressSet[]): AddressSet => sets.reduce(unionAddresses, noAddresses);

export const unitePorts = (all: readonly Interval<number>[]): Interval<number>[] => serviceAlgebra.normalize(all);
export const isWithin = (a: AddressSet, b: AddressSet): boolean =>
  addressAlgebra.isSubset(a.v4, b.v4) && addressAlgebra.isSubset(a.v6, b.v6);
