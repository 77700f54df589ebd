import { parseAddress } from '#net';
import { readLoggedPacket, type RecordedFlow } from '#plan';

export interface ReadDenials {
  /** Packets that a point dropped because no line of policy allowed it: nobody could answer. */
  readonly denials: readonly RecordedFlow[];
  /** Records of something else than a denied opening. */
  readonly ignored: number;
  readonly malformed: number;
}

/** As the nftables driver's last rule logs it. */
const prefix = 'cordon-deny';

/** Lines of ulogd2's JSON, as a gateway sends them. `latest`: a gateway whose clock is ahead has no packets of the future. */
export function readDenials(text: string, latest: Date): ReadDenials {
  const denials: RecordedFlow[] = [];
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
          first: at,
          last: at,
          source,
          destination,
          protocol,
          port,
          answered: 'no',
          packets,
          connections: 1,
        });
      else malformed++;
    }
  }
  return { denials, ignored, malformed };
}
