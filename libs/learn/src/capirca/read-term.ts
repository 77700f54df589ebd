import type { Diagnostic, SourceSpan } from '#base';
import {
  addressSet,
  anyService,
  hasPorts,
  isIcmp,
  protocols,
  serviceAlgebra,
  serviceKey,
  type Family,
  type Interval,
  type ServiceSet,
} from '#net';
import { finding, type CapircaCode } from './codes.js';
import { unitePorts, type Definitions } from './definitions.js';
import type { TermField, TermSource } from './policy-file.js';
import { icmpType, protocolNumber, servicesOf, wholeProtocol } from './protocols.js';
import { oneDay, type NamedAddresses, type Term, type TermAction, type TermSide } from './term.js';

export interface TermContext {
  readonly filter: string;
  /** Of the filter. */
  readonly families: readonly Family[];
  /** Null: for none in particular. */
  readonly platform: string | null;
  readonly definitions: Definitions;
  readonly before: NamedAddresses | null;
  readonly behind: NamedAddresses | null;
  /** The filter is between zones, and nobody said who is in them. */
  readonly isBetweenZones: boolean;
}

export interface ReadTerm {
  /** Null: the term is not for this platform. */
  readonly term: Term | null;
  /** Names that are not defined: the files are refused. */
  readonly errors: readonly Diagnostic[];
  /** What it says that changes nothing about who may talk to whom: `logging`. */
  readonly ignored: readonly string[];
}

const ignored = new Set([
  'logging',
  'log-limit',
  'log_name',
  'counter',
  'traffic-class-count',
  'policer',
  'police-kbps',
  'police-burst',
  'police-pps',
  'qos',
  'loss-priority',
  'dscp-set',
  'timeout',
  'port-mirror',
]);

/** What becomes of a packet is said elsewhere. */
const elsewhere = new Set([
  'filter-term',
  'next-ip',
  'next-interface',
  'next-hop-group',
  'routing-instance',
  'encapsulate',
  'decapsulate',
]);

const actions: Readonly<Record<string, TermAction>> = {
  accept: 'accept',
  deny: 'deny',
  reject: 'deny',
  'reject-with-tcp-rst': 'deny',
  next: 'next',
};

/** Hop-by-hop, routing, fragment, destination options (RFC 7045 §4): in IPv6 what follows them is the protocol. */
const headers = new Set([0, 43, 44, 60]);

export function readTerm(source: TermSource, context: TermContext): ReadTerm {
  return new TermReader(source, context).read();
}

class TermReader {
  private readonly errors: Diagnostic[] = [];
  private readonly ignored = new Set<string>();
  private readonly unknown = new Set<string>();
  private unsaid: Diagnostic | null = null;
  private isMalformed = false;
  private readonly byKeyword: ReadonlyMap<string, readonly TermField[]>;

  constructor(
    private readonly source: TermSource,
    private readonly context: TermContext,
  ) {
    this.byKeyword = Map.groupBy(source.fields, ({ keyword }) => keyword);
  }

  read(): ReadTerm {
    if (!this.isForPlatform()) return { term: null, errors: [], ignored: [] };
    const { name, span } = this.source;
    if (this.context.isBetweenZones)
      this.say(
        'capirca-zones',
        'the filter is between zones',
        'say with --from NETWORK and --to NETWORK who is in them',
      );
    const options = this.options();
    const services = this.services();
    const match = {
      families: this.families(),
      source: this.side('source-address', 'source-exclude'),
      destination: this.side('destination-address', 'destination-exclude'),
      either: this.side('address', 'address-exclude'),
      before: this.context.before,
      behind: this.context.behind,
      ...services,
      services: options.isInitial
        ? serviceAlgebra.intersect(services.services, wholeProtocol(protocols.tcp))
        : services.services,
      isEstablished: options.isEstablished,
    };
    const until = this.until();
    const action = this.action();
    this.lookForOthers();
    if (this.unknown.size > 0) {
      const words = [...this.unknown].map((word) => `\`${word}\``).join(', ');
      this.say('capirca-match-unknown', `policy has no words for ${words}`, 'write a rule by hand, or leave it');
    }
    const term: Term = {
      filter: this.context.filter,
      name,
      span,
      action,
      match,
      unsaid: this.unsaid,
      until,
      owner: this.valuesOf('owner')[0] ?? null,
      comment: this.valuesOf('comment').join(' '),
    };
    return { term, errors: this.errors, ignored: [...this.ignored] };
  }

  private valuesOf(keyword: string): readonly string[] {
    return this.byKeyword.get(keyword)?.flatMap(({ values }) => values) ?? [];
  }

  private has(keyword: string): boolean {
    return this.byKeyword.has(keyword);
  }

  /** The first is told: one is enough to leave the term out. */
  private say(code: CapircaCode, summary: string, hint: string, span: SourceSpan = this.source.span): void {
    this.unsaid ??= finding(code, summary, hint, span);
  }

  private bad(summary: string, keyword: string): void {
    this.isMalformed = true;
    const span = this.byKeyword.get(keyword)?.[0]?.span ?? this.source.span;
    this.say('capirca-match-bad', summary, 'see whether `aclgen` takes the term', span);
  }

  private isForPlatform(): boolean {
    const { platform } = this.context;
    const verbatim = this.byKeyword.get('verbatim')?.map(({ values }) => values[0]);
    if (platform === null) {
      if (this.has('platform') || this.has('platform-exclude') || verbatim)
        this.say('capirca-one-platform', 'the term is for some platforms only', 'choose one with --platform');
      return true;
    }
    if (this.has('platform') && !this.valuesOf('platform').includes(platform)) return false;
    if (this.valuesOf('platform-exclude').includes(platform)) return false;
    return !verbatim || verbatim.includes(platform);
  }

  private families(): readonly Family[] {
    const of: Readonly<Record<string, Family>> = { inet: 4, inet6: 6 };
    const only = this.valuesOf('restrict-address-family')[0];
    if (only === undefined) return this.context.families;
    if (!Object.hasOwn(of, only)) {
      this.bad(`\`${only}\` is no address family`, 'restrict-address-family');
      return this.context.families;
    }
    return this.context.families.filter((family) => family === of[only]);
  }

  private side(keyword: string, exclude: string): TermSide | null {
    if (!this.has(keyword) && !this.has(exclude)) return null;
    const names = this.has(keyword) ? this.named(keyword) : [];
    return { names, without: this.named(exclude) };
  }

  private named(keyword: string): NamedAddresses[] {
    return (this.byKeyword.get(keyword) ?? []).flatMap(({ values, span }) =>
      [...new Set(values)].map((label) => {
        const found = this.context.definitions.addressesOf(label, span);
        if (!('severity' in found)) return { label, addresses: found };
        this.errors.push(found);
        return { label, addresses: addressSet([]) };
      }),
    );
  }

  private services(): Pick<Term['match'], 'services' | 'serviceLabel' | 'sourcePorts' | 'eitherPorts'> {
    const numbers = this.protocols();
    const either = this.ports('port');
    const destination = this.ports('destination-port');
    const sourcePorts = this.ports('source-port');
    const isMixed = (numbers ?? []).some((number) => !hasPorts(number));
    if ((destination ?? either ?? sourcePorts) && (numbers === null || isMixed))
      this.bad('a port is asked of a protocol that has none here', either ? 'port' : 'destination-port');
    if (either && (destination ?? sourcePorts)) this.bad('`port` stands beside a port of one side', 'port');
    const types = this.icmpTypes(numbers ?? []);
    const all = numbers === null ? this.exceptions() : servicesOf(numbers, destination);
    const label = [...this.valuesOf('destination-port'), ...this.valuesOf('port')];
    // What is malformed restricts nothing: a deny would else stop less than it may.
    if (this.isMalformed) return { services: anyService, serviceLabel: null, sourcePorts: null, eitherPorts: null };
    return {
      services: types ?? all,
      serviceLabel: label.length > 0 ? label.join('-') : null,
      sourcePorts,
      eitherPorts: either,
    };
  }

  /** Null: any. */
  private protocols(): readonly number[] | null {
    const names = this.valuesOf('protocol');
    if (names.length === 0) return null;
    if (this.has('protocol-except')) this.bad('`protocol` and `protocol-except` stand in one term', 'protocol-except');
    return this.numbersOf('protocol', names);
  }

  private exceptions(): ServiceSet {
    const numbers = this.numbersOf('protocol-except', this.valuesOf('protocol-except'));
    return serviceAlgebra.subtract(anyService, servicesOf(numbers, null));
  }

  private numbersOf(keyword: string, names: readonly string[]): number[] {
    return names.flatMap((name) => {
      const number = protocolNumber(name);
      if (number === null) this.bad(`\`${name}\` is no protocol`, keyword);
      else if (headers.has(number) && this.context.families.includes(6))
        this.bad(`\`${name}\` is an extension header of IPv6, no protocol`, keyword);
      return number ?? [];
    });
  }

  /** Those of any of the term's protocols hold for all of them, as in Capirca. */
  private ports(keyword: string): readonly Interval<number>[] | null {
    if (!this.has(keyword)) return null;
    const names = new Set(this.valuesOf('protocol').map((name) => name.toLowerCase()));
    const all = (this.byKeyword.get(keyword) ?? []).flatMap(({ values, span }) =>
      values.flatMap((name) => {
        const found = this.context.definitions.portsOf(name, span);
        if (!('severity' in found)) return found;
        this.errors.push(found);
        return [];
      }),
    );
    const own = all.filter(({ protocol }) => names.has(protocol));
    if (own.length === 0) this.bad(`\`${keyword}\` has no port of the protocols of the term`, keyword);
    return unitePorts(own.map(({ ports }) => ports));
  }

  private icmpTypes(numbers: readonly number[]): ServiceSet | null {
    if (this.has('icmp-code')) this.unknown.add('icmp-code');
    if (!this.has('icmp-type')) return null;
    if (numbers.length === 0 || !numbers.every(isIcmp))
      this.bad('`icmp-type` without protocol icmp or icmpv6', 'icmp-type');
    const names = this.valuesOf('icmp-type');
    for (const name of names)
      if (numbers.every((number) => icmpType(number, name) === null))
        this.bad(`\`${name}\` is no type of it`, 'icmp-type');
    return serviceAlgebra.normalize(
      numbers.flatMap((number) =>
        names.flatMap((name) => {
          const type = icmpType(number, name);
          return type === null ? [] : [{ first: serviceKey(number, type), last: serviceKey(number, type) }];
        }),
      ),
    );
  }

  private options(): { readonly isEstablished: boolean; readonly isInitial: boolean } {
    const options = this.valuesOf('option');
    for (const option of options) {
      if (option === 'sample') this.ignored.add('option:: sample');
      else if (!['established', 'tcp-established', 'initial', 'tcp-initial'].includes(option))
        this.unknown.add(`option:: ${option}`);
    }
    const isEstablished = options.includes('established') || options.includes('tcp-established');
    return { isEstablished, isInitial: options.includes('initial') || options.includes('tcp-initial') };
  }

  private action(): TermAction {
    const given = [...new Set(this.valuesOf('action'))].map((word) => actions[word] ?? 'unclear');
    const isElsewhere = [...elsewhere].some((keyword) => this.has(keyword));
    const [action, ...more] = new Set(given);
    return action === undefined || more.length > 0 || isElsewhere || this.has('verbatim') ? 'unclear' : action;
  }

  /** Capirca does not write a term any more on the day of its expiration: the day before is the last one. */
  private until(): string | null {
    const text = this.valuesOf('expiration')[0];
    if (text === undefined) return null;
    const time = /^\d{4}-\d{1,2}-\d{1,2}$/.test(text) ? Date.parse(`${padDate(text)}T00:00:00Z`) : Number.NaN;
    if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== padDate(text)) {
      this.bad(`\`${text}\` is no day`, 'expiration');
      return null;
    }
    return new Date(time - oneDay).toISOString().slice(0, 10);
  }

  private lookForOthers(): void {
    for (const { keyword } of this.source.fields) {
      if (ignored.has(keyword)) this.ignored.add(keyword);
      else if (!known.has(keyword) && !elsewhere.has(keyword)) this.unknown.add(keyword);
    }
  }
}

const known = new Set([
  'action',
  'address',
  'address-exclude',
  'comment',
  'destination-address',
  'destination-exclude',
  'destination-port',
  'expiration',
  'icmp-code',
  'icmp-type',
  'option',
  'owner',
  'platform',
  'platform-exclude',
  'port',
  'protocol',
  'protocol-except',
  'restrict-address-family',
  'source-address',
  'source-exclude',
  'source-port',
  'verbatim',
]);

const padDate = (text: string): string =>
  text
    .split('-')
    .map((part, i) => part.padStart(i === 0 ? 4 : 2, '0'))
    .join('-');
