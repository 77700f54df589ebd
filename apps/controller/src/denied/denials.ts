import { parseAddress } from '#net';
import { readLoggedPacket, type RecordedFlow } from '#plan';

export interface ReadDenials {
  /** Packets that a point dropped because no line of policy allowed it: nobody could answer. */
  readonly denials: readonly RecordedFlow[];
  /** That a point let pass, and the policy in audit would drop. Of each the first packet: whether it was answered nobody knows. */
  readonly watched: readonly RecordedFlow[];
  /** Records of something else than a denied opening. */
  readonly ignored: number;
  readonly malformed: number;
}

/** As the nftables driver's last rule logs it, and those that watch a candidate. */
const prefixes = { denied: 'cordon-deny', watched: 'cordon-audit' } as const;

/** Lines of ulogd2's JSON, as a gateway sends them. `latest`: a gateway whose clock is ahead has no packets of the future. */
export function readDenials(text: string, latest: Date): ReadDenials {
  const denials: RecordedFlow[] = [];
  const watched: RecordedFlow[] = [];
  let ignored = 0;
  let malformed = 0;
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const packet = readLoggedPacket(line);
    if (typeof packet === 'string') malformed++;
    else if (packet.kind !== 'opening') ignored++;
    else {
      const isWatched = packet.prefix.startsWith(prefixes.watched);
      if (!isWatched && !packet.prefix.startsWith(prefixes.denied)) {
        ignored++;
        continue;
      }
      const source = parseAddress(packet.source);
      const destination = parseAddress(packet.destination);
      const { protocol, port, packets } = packet;
      const at = packet.at < latest ? packet.at : latest;
      if (source && destination)
        (isWatched ? watched : denials).push({
          first: at,
          last: at,
          source,
          destination,
          protocol,
          port,
          answered: isWatched ? 'unknown' : 'no',
          packets,
          connections: 1,
        });
      else malformed++;
    }
  }
  return { denials, watched, ignored, malformed };
}
