import { formatAddress, parseAddress, type Address } from '#net';
import { readLoggedPacket } from '#plan';

/** A packet that a point dropped because no line of policy allowed it. Addresses are canonical. */
export interface Denial {
  readonly at: Date;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly port: number;
  readonly packets: number;
}

export interface ReadDenials {
  readonly denials: readonly Denial[];
  /** Records of something else than a denied opening. */
  readonly ignored: number;
  readonly malformed: number;
}

/** As the nftables driver's last rule logs it. */
const prefix = 'cordon-deny';

/** Lines of ulogd2's JSON, as a gateway sends them. `latest`: a gateway whose clock is ahead has no packets of the future. */
export function readDenials(text: string, latest: Date): ReadDenials {
  const denials: Denial[] = [];
  let ignored = 0;
  let malformed = 0;
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const packet = readLoggedPacket(line);
    if (typeof packet === 'string') malformed++;
    else if (!packet.prefix.startsWith(prefix) || packet.kind !== 'opening') ignored++;
    else {
      const source = parseAddress(packet.source);
      const destination = parseAddress(packet.destination);
      const { protocol, port, packets } = packet;
      const at = packet.at < latest ? packet.at : latest;
      if (source && destination)
        denials.push({
          at,
          source: formatAddress(source),
          destination: formatAddress(destination),
          protocol,
          port,
          packets,
        });
      else malformed++;
    }
  }
  return { denials, ignored, malformed };
}

/** Denials of an hour that read alike: devices of a class that try the same are told together. */
export interface DeniedFlow {
  /** Begin of the hour. */
  readonly at: string;
  /** Class that the source counted as; empty: none. */
  readonly role: string;
  /** Empty: several; see `DeniedFlowStore`. */
  readonly destination: string;
  readonly protocol: number;
  readonly port: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly packets: number;
  /** Addresses, the first `mostSources`. */
  readonly sources: readonly string[];
}

export const mostSources = 5;

export function groupDenials(denials: readonly Denial[], roleOf: (address: Address) => string | null): DeniedFlow[] {
  const groups = new Map<string, DeniedFlow>();
  for (const { at, source, destination, protocol, port, packets } of denials) {
    const role = roleOf(parseAddress(source)!) ?? '';
    const hour = `${at.toISOString().slice(0, 13)}:00:00.000Z`;
    const key = [hour, role, destination, protocol, port].join(' ');
    const instant = at.toISOString();
    const alone = {
      at: hour,
      role,
      destination,
      protocol,
      port,
      firstAt: instant,
      lastAt: instant,
      packets,
      sources: [source],
    };
    const known = groups.get(key);
    groups.set(key, known ? joinFlows(known, alone) : alone);
  }
  return [...groups.values()];
}

/** Both together, under the key of the first. */
export function joinFlows(a: DeniedFlow, b: DeniedFlow): DeniedFlow {
  return {
    ...a,
    firstAt: a.firstAt < b.firstAt ? a.firstAt : b.firstAt,
    lastAt: a.lastAt > b.lastAt ? a.lastAt : b.lastAt,
    packets: a.packets + b.packets,
    sources: [...new Set([...a.sources, ...b.sources])].slice(0, mostSources),
  };
}
