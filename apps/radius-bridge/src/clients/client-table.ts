import { bitsOf, families, parseAddress, type Address, type Family } from '#net';
import type { CertificateName, NasEntry, ProxyEntry, Snapshot } from '#policy/snapshot';
import { Secret } from '#radius';
import type { SecretLookup } from '../config.js';
import type { Source } from '../transport/source.js';
import { ProxiedNas } from './proxied-nas.js';

/** A RADIUS client whose secrets we have. */
export interface Client {
  /** Of a proxy, what it is to us where it speaks for itself (Status-Server); nothing is authorized by it. */
  readonly nas: NasEntry;
  readonly secret: Secret;
  /** Of what we ask the client (CoA, Disconnect). */
  readonly coaSecret: Secret;
  /** Of a proxy: the NASes that it asks for. */
  readonly behind: ProxiedNas | null;
}

/** A proxy that may ask over HTTP, too (CORDON_REST). */
export interface RestCaller {
  readonly name: string;
  readonly token: string;
  readonly nas: ProxiedNas;
}

type KnownClients = Pick<Snapshot, 'nas' | 'proxies'>;

export interface UnusableClient {
  readonly nas: string;
  readonly problem: string;
}

/** `tls-only`: the source is a client, but not by UDP. */
export type NotServed = 'no-secret' | 'tls-only';

interface Length {
  readonly hostBits: bigint;
  readonly clients: Map<bigint, Client | NotServed>;
}

/** A certificate's names, by kind. */
export type CertificateNames = Readonly<Record<CertificateName['from'], readonly string[]>>;

const maxRemembered = 10_000;
/** RFC 6614 §2.3: TLS keeps the secrets, and this one is the same everywhere. */
const radsecSecret = new Secret('radsec');

/**
 * Source address → RADIUS client; the longest prefix wins. Over TLS it is the certificate that says which client it is. It decides
 * only who may speak and with which secret.
 *
 * A client whose secret can't be resolved keeps its place: its packets must not fall to a wider prefix. So does one that speaks
 * TLS only.
 */
export class ClientTable {
  private readonly lengths: Record<Family, Length[]> = { 4: [], 6: [] };
  private readonly overTls = new Map<string, Client | 'no-secret'>();
  private readonly certificates = new Map<string, string>();
  /** Answers by source address as text: switches are few, the algebra on numbers is slow. Bounded: sources can be forged. */
  private readonly remembered = new Map<string, Client | NotServed | null>();
  private readonly nasByName = new Map<string, Client | 'no-secret'>();
  /** Who may ask over HTTP. */
  readonly restCallers: readonly RestCaller[];
  readonly unusable: readonly UnusableClient[];

  constructor({ nas: entries, proxies }: KnownClients, secretOf: (reference: string) => SecretLookup) {
    const unusable: UnusableClient[] = [];
    const byLength = new Map<string, Length>();
    const add = (nas: NasEntry, speaksFor: readonly string[] | null): Client | 'no-secret' => {
      const resolved = resolveClient(nas, secretOf);
      if ('problem' in resolved) unusable.push({ nas: nas.name, problem: resolved.problem });
      const behind = speaksFor && !('problem' in resolved) ? this.behind(speaksFor, resolved.secret) : null;
      const client = 'problem' in resolved ? 'no-secret' : { ...resolved, behind };
      this.place(nas, client, byLength);
      return client;
    };
    for (const nas of entries) this.nasByName.set(nas.name, add(nas, null));
    for (const proxy of proxies) add(selfOf(proxy), proxy.speaksFor);
    for (const family of families) {
      const own = [...byLength].filter(([key]) => key.startsWith(`${family}/`)).map(([, table]) => table);
      this.lengths[family] = own.sort((a, b) => (a.hostBits < b.hostBits ? -1 : 1));
    }
    const tokens = new Map<string, string>();
    this.restCallers = proxies.flatMap(({ name, restToken, speaksFor }): RestCaller[] => {
      if (restToken === null) return [];
      const found = secretOf(restToken);
      const other = 'secret' in found ? tokens.get(found.secret) : undefined;
      const problem = 'problem' in found ? found.problem : other && `its token is that of \`${other}\``;
      if (problem !== undefined || 'problem' in found) {
        unusable.push({ nas: name, problem: `restToken: ${problem}` });
        return [];
      }
      tokens.set(found.secret, name);
      return [{ name, token: found.secret, nas: this.behind(speaksFor, radsecSecret) }];
    });
    this.unusable = unusable;
  }

  /** Whose request it is. */
  of({ address, connection }: Source): Client | NotServed | null {
    return connection ? (this.overTls.get(connection.nas) ?? null) : this.find(address);
  }

  /** Whom to tell of changes to a session. */
  ofSession({ nas, nasAddress }: { readonly nas: string; readonly nasAddress: string }): Client | null {
    const client = this.overTls.get(nas) ?? this.find(nasAddress);
    return client === null || typeof client === 'string' ? null : client;
  }

  /** By UDP. `source` as the socket gives it: a v4-mapped form or a zone id is understood. */
  find(source: string): Client | NotServed | null {
    const known = this.remembered.get(source);
    if (known !== undefined) return known;
    const address = parseAddress(withoutZone(plainAddress(source)));
    const found = address ? this.longestMatch(address) : null;
    if (this.remembered.size >= maxRemembered) this.remembered.clear();
    this.remembered.set(source, found);
    return found;
  }

  /** The client that a certificate names, when the connection comes from where that client is. */
  ofCertificate(names: CertificateNames, source: string): Client | { readonly reason: string } {
    const kinds = Object.keys(names) as CertificateName['from'][];
    const named = kinds.flatMap((kind) =>
      names[kind].flatMap((name) => this.certificates.get(keyOf(kind, name)) ?? []),
    );
    const [nas, another] = new Set(named);
    if (nas === undefined) return { reason: 'no name in the certificate is that of a client' };
    if (another !== undefined) return { reason: 'the certificate names more than one client' };
    const client = this.overTls.get(nas);
    if (!client || client === 'no-secret') return { reason: `the secret of client \`${nas}\` is not usable` };
    const address = parseAddress(withoutZone(plainAddress(source)));
    return address && isWithin(client.nas, address)
      ? client
      : { reason: `the certificate is that of client \`${nas}\`, which is not at this address` };
  }

  private place(nas: NasEntry, client: Client | 'no-secret', byLength: Map<string, Length>): void {
    const { family, value, length } = nas.prefix;
    const isTls = nas.transport === 'radsec';
    if (isTls) {
      this.overTls.set(nas.name, client);
      if (nas.certificate) this.certificates.set(keyOf(nas.certificate.from, nas.certificate.name), nas.name);
    }
    const key = `${family}/${length}`;
    let table = byLength.get(key);
    if (!table) byLength.set(key, (table = { hostBits: BigInt(bitsOf(family) - length), clients: new Map() }));
    const place = value >> table.hostBits;
    if (!isTls) table.clients.set(place, client);
    else if (!table.clients.has(place)) table.clients.set(place, 'tls-only');
  }

  private behind(speaksFor: readonly string[], secret: Secret): ProxiedNas {
    return new ProxiedNas(speaksFor, secret, {
      at: (address) => this.find(address),
      named: (name) => this.nasByName.get(name) ?? null,
    });
  }

  private longestMatch({ family, value }: Address): Client | NotServed | null {
    for (const { hostBits, clients } of this.lengths[family]) {
      const client = clients.get(value >> hostBits);
      if (client) return client;
    }
    return null;
  }
}

function isWithin({ prefix }: NasEntry, { family, value }: Address): boolean {
  const hostBits = BigInt(bitsOf(family) - prefix.length);
  return family === prefix.family && value >> hostBits === prefix.value >> hostBits;
}

/** Host names mean the same in upper and lower case, and addresses however they are written; other names don't. */
function keyOf(from: CertificateName['from'], name: string): string {
  if (from === 'common-name') return `${from} ${name}`;
  const address = from === 'ip-address' ? parseAddress(name) : null;
  return `${from} ${address ? `${address.family} ${address.value}` : name.toLowerCase()}`;
}

/**
 * A source address in the form in which it is kept: `::ffff:10.0.0.1` of a dual-stack socket is `10.0.0.1`. A link-local address keeps its
 * zone: without, nobody could be told anything there.
 */
export function plainAddress(source: string): string {
  if (!source.includes(':')) return source;
  const bare = withoutZone(source);
  if (/^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(bare)) return bare.slice('::ffff:'.length);
  return /^fe[89ab]/i.test(source) ? source : bare;
}

const withoutZone = (address: string): string => address.split('%', 1)[0]!;

/** A proxy as a client that speaks for itself: strict, and of no site. Its requests are its NASes', so nothing is authorized by this. */
function selfOf({ name, prefix, transport, certificate, secret }: ProxyEntry): NasEntry {
  return {
    name,
    prefix,
    transport,
    certificate,
    secret,
    site: '',
    ssidSites: {},
    profile: '',
    messageAuthenticator: 'required',
    requestsPerSecond: 5000,
    aclEntries: null,
    portAcl: 'none',
    coaTransport: transport === 'udp' ? 'udp' : 'connection',
    coaPort: 3799,
    sessionTimeout: 86_400,
    serverDown: null,
  };
}

function resolveClient(
  nas: NasEntry,
  secretOf: (reference: string) => SecretLookup,
): Omit<Client, 'behind'> | { problem: string } {
  const own = ownSecret(nas, secretOf);
  if ('problem' in own) return own;
  return {
    nas,
    secret: nas.transport === 'udp' ? own.secret : radsecSecret,
    coaSecret: nas.coaTransport === 'udp' ? own.secret : radsecSecret,
  };
}

function ownSecret(
  nas: NasEntry,
  secretOf: (reference: string) => SecretLookup,
): { secret: Secret } | { problem: string } {
  if (nas.secret === null) return { secret: radsecSecret };
  const found = secretOf(nas.secret);
  if ('problem' in found) return found;
  try {
    return { secret: new Secret(found.secret) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : 'the secret is not usable' };
  }
}
