import { bitsOf, formatAddress } from '#net';
import type { NasEntry } from '#policy/snapshot';
import { decodeAddress, readAll, readText, types, type Attribute, type Packet, type Secret } from '#radius';
import type { Client, NotServed } from './client-table.js';

/** Why a proxy's request is about no NAS: a counter's name. */
export type ProxiedRefusal =
  | 'proxied-nas-unknown'
  | 'proxied-nas-ambiguous'
  | 'proxied-nas-not-allowed'
  | 'proxied-nas-without-secret'
  | 'proxied-nas-without-address';

/** The NAS that a proxy's request is about. */
export interface Proxied {
  /** That NAS, with the proxy's secret: the proxy is whom we answer. */
  readonly client: Client;
  /** Where to tell the NAS itself of changes. */
  readonly nasAddress: string;
}

/** What the policy knows of NASes; null: nothing. */
export interface NasLookup {
  /** Whose an address is, by UDP. */
  readonly at: (address: string) => Client | NotServed | null;
  readonly named: (name: string) => Client | 'no-secret' | null;
}

/**
 * The NASes that a proxy asks for. A request is about the NAS that its NAS-IP-Address or NAS-IPv6-Address belongs to; NAS-Identifier
 * may not name another one, and without an address it must be the name of the entry. Whatever does not lead to one NAS of the
 * proxy's leads to none: profile, site and VLAN are the NAS's, and a guess would give those of another.
 *
 * It does not prove that the request came from that NAS: who sees the NAS's packets is the proxy (docs/beside-freeradius.md).
 */
export class ProxiedNas {
  private readonly allowed: ReadonlySet<string>;
  private readonly clients = new Map<NasEntry, Client>();

  constructor(
    speaksFor: readonly string[],
    private readonly secret: Secret,
    private readonly lookup: NasLookup,
  ) {
    this.allowed = new Set(speaksFor);
  }

  find({ attributes }: Pick<Packet, 'attributes'>): Proxied | ProxiedRefusal {
    const addresses = addressesIn(attributes);
    if (addresses === 'repeated') return 'proxied-nas-ambiguous';
    const identifier = readText(attributes, types.nasIdentifier);
    const named = identifier === null ? null : this.lookup.named(identifier.toLowerCase());
    if (addresses.length === 0) return this.byName(named);
    const found = addresses.flatMap((address) => {
      const client = this.lookup.at(address);
      return isNas(client) ? [{ client, address }] : [];
    });
    const [first, another] = found;
    if (!first) return 'proxied-nas-unknown';
    if (another && another.client !== first.client) return 'proxied-nas-ambiguous';
    if (named !== null && named !== first.client) return 'proxied-nas-ambiguous';
    return this.allow(first.client, first.address);
  }

  private byName(named: Client | 'no-secret' | null): Proxied | ProxiedRefusal {
    if (named === null) return 'proxied-nas-unknown';
    if (typeof named === 'string') return 'proxied-nas-without-secret';
    const { family, value, length } = named.nas.prefix;
    // Any of many switches: who should be told of changes?
    if (length !== bitsOf(family)) return 'proxied-nas-without-address';
    return this.allow(named, formatAddress({ family, value }));
  }

  private allow(own: Client | NotServed, nasAddress: string): Proxied | ProxiedRefusal {
    if (own === 'tls-only') return 'proxied-nas-not-allowed';
    if (own === 'no-secret') return 'proxied-nas-without-secret';
    const { nas, coaSecret } = own;
    if (!this.allowed.has(nas.name)) return 'proxied-nas-not-allowed';
    let client = this.clients.get(nas);
    if (!client) this.clients.set(nas, (client = { nas, secret: this.secret, coaSecret, behind: null }));
    return { client, nasAddress };
  }
}

const isNas = (client: Client | NotServed | null): client is Client | NotServed =>
  client !== null && (typeof client === 'string' || client.behind === null);

/** RFC 2865 §5.44 allows one of each kind. */
function addressesIn(attributes: readonly Attribute[]): string[] | 'repeated' {
  const ofKinds = [types.nasIpAddress, types.nasIpv6Address].map((type) => readAll(attributes, type));
  if (ofKinds.some(({ length }) => length > 1)) return 'repeated';
  // What is no address is the address of nobody.
  return ofKinds.flat().map((value) => decodeAddress(value) ?? '');
}
