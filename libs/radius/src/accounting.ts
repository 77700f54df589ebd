import { readAll, readDate, readInteger, readText } from './attributes.js';
import { types, valueNames } from './dictionary.js';
import type { Packet } from './packet.js';

/** `other`: tunnel and link records (RFC 2867), to be acknowledged and not acted on. */
export type AccountingStatus = 'start' | 'stop' | 'interim' | 'accounting-on' | 'accounting-off' | 'other';

/** What an Accounting-Request reports (RFC 2866, RFC 2869 §5.1-5.3). */
export interface AccountingRecord {
  readonly status: AccountingStatus;
  readonly sessionId: string | null;
  readonly multiSessionId: string | null;
  /** From the device. */
  readonly inputOctets: number;
  /** To the device. */
  readonly outputOctets: number;
  /** Seconds. */
  readonly sessionTime: number | null;
  readonly terminateCause: string | null;
  /** Seconds that the NAS has been trying to send this record. */
  readonly delay: number;
  readonly eventTimestamp: Date | null;
  /** Class values of the Access-Accept, as the NAS gives them back. */
  readonly classes: readonly Buffer[];
}

const statuses: ReadonlyMap<number, AccountingStatus> = new Map([
  [1, 'start'],
  [2, 'stop'],
  [3, 'interim'],
  [7, 'accounting-on'],
  [8, 'accounting-off'],
]);

/** `null`: no Acct-Status-Type, which every record must have (RFC 2866 §5.1). */
export function readAccounting({ attributes }: Pick<Packet, 'attributes'>): AccountingRecord | null {
  const status = readInteger(attributes, types.acctStatusType);
  if (status === null) return null;
  const cause = readInteger(attributes, types.acctTerminateCause);
  return {
    status: statuses.get(status) ?? 'other',
    sessionId: readText(attributes, types.acctSessionId),
    multiSessionId: readText(attributes, types.acctMultiSessionId),
    inputOctets: readCounter(attributes, types.acctInputOctets, types.acctInputGigawords),
    outputOctets: readCounter(attributes, types.acctOutputOctets, types.acctOutputGigawords),
    sessionTime: readInteger(attributes, types.acctSessionTime),
    terminateCause: cause === null ? null : (valueNames.get(types.acctTerminateCause)?.[cause] ?? `cause ${cause}`),
    delay: readInteger(attributes, types.acctDelayTime) ?? 0,
    eventTimestamp: readDate(attributes, types.eventTimestamp),
    classes: readAll(attributes, types.class),
  };
}

/** Gigawords count wraps of the 32-bit octet counter; beyond 2^53 (a broken NAS) the counter stays at the top. */
function readCounter(attributes: Packet['attributes'], octets: number, gigawords: number): number {
  const high = readInteger(attributes, gigawords) ?? 0;
  const low = readInteger(attributes, octets) ?? 0;
  return Math.min(high * 2 ** 32 + low, Number.MAX_SAFE_INTEGER);
}
