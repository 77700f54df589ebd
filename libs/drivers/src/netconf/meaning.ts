import { isConsistentEntry, type AclEntry, type Family, type Interval } from '#net';
import type { AccessList, ListEntry, ObservedSwitch } from './model.js';

/**
 * What a list of the switch means, as entries of which one decides on every packet: no more than what the model's YANG says.
 * Throws on what has no meaning that is known: that includes packets on which nothing decides.
 */
export function readMeaning({ lists }: Pick<ObservedSwitch, 'lists'>, name: string): AclEntry[] {
  const of = lists.get(name);
  if (!of) throw new Error(`there is no list \`${name}\``);
  const out: AclEntry[] = [];
  for (const family of [4, 6] as const) {
    const judging = of.filter(({ families }) => families.includes(family));
    const [list] = judging;
    if (!list || judging.length > 1) throw new Error(`there are ${judging.length} lists \`${name}\` for IPv${family}`);
    const entries = meaningFor(family, list);
    if (!entries.some(isEverything))
      throw new Error(`list \`${name}\` does not say what becomes of all other IPv${family}`);
    out.push(...entries);
  }
  return out;
}

const isEverything = ({ protocol, sourcePorts, destination, destinationPorts }: AclEntry): boolean =>
  protocol === null && !sourcePorts && !destination && !destinationPorts;

function meaningFor(family: Family, { entries, foreign }: AccessList): AclEntry[] {
  if (foreign.length > 0) throw new Error(`the list holds what is not ours: ${foreign[0]}`);
  const of = entries.filter((entry) => entry.family === null || entry.family === family);
  const out: AclEntry[] = [];
  for (let i = 0; i < of.length; i++) {
    const entry = of[i]!;
    const isPair = isAckOrReset(entry, of[i + 1]);
    if (isPair) i++;
    out.push(...aclEntriesOf(entry, family, isPair || entry.tcp?.join() === 'established'));
  }
  return out;
}

/**
 * RFC 8519 does not say whether the bits of `flags` must be set, or be all that are set. Two accepting entries, one for ACK and
 * one for RST, let replies pass by the first reading, and fewer of them by the second: never more.
 */
function isAckOrReset(a: ListEntry, b: ListEntry | undefined): boolean {
  if (!b || a.action !== 'accept' || a.tcp === null || b.tcp === null) return false;
  const rest = (entry: ListEntry): string => describe({ ...entry, tcp: null });
  return [a.tcp.join(), b.tcp.join()].sort().join() === 'ack,rst' && rest(a) === rest(b);
}

const describe = (entry: ListEntry): string =>
  JSON.stringify(entry, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));

function aclEntriesOf(entry: ListEntry, family: Family, established: boolean): AclEntry[] {
  const { action, protocol, destination, icmpType, foreign } = entry;
  if (foreign.length > 0) throw new Error(`an entry holds what is not ours: ${foreign[0]}`);
  if (action === null) throw new Error('an entry has no action');
  if (entry.tcp !== null && !established) throw new Error(`TCP bits \`${entry.tcp.join(' ')}\` are not understood`);
  const types = icmpType === null ? null : [{ first: icmpType, last: icmpType }];
  if (types && entry.destinationPorts) throw new Error('an entry has ports and a type of ICMP');
  // several ranges are as many entries beside each other
  return (entry.sourcePorts ?? [null]).flatMap((sourcePorts) =>
    (types ?? entry.destinationPorts ?? [null]).map((destinationPorts: Interval<number> | null) => {
      const out: AclEntry = {
        action: action === 'accept' ? 'permit' : 'deny',
        family,
        protocol,
        sourcePorts,
        destination,
        destinationPorts,
        established,
      };
      if (!isConsistentEntry(out)) throw new Error('the conditions of an entry do not fit together');
      return out;
    }),
  );
}
