import type { AccountingRecord } from '#radius';

/** Records are not buffered for longer; what claims to be older has a broken clock. */
const oldest = 7 * 86_400_000;
/** As far as clocks may be apart (RFC 5176 §6.3 takes the same for fresh). */
const tolerance = 300_000;

/**
 * When the event of a record took place, in milliseconds. Acct-Delay-Time counts back from now by our own clock, so it is
 * preferred; Event-Timestamp is by the clock of the NAS, and is how a NAS tells it that repeats the same bytes (RFC 5080 §2.2.1).
 * Without a plausible one of them: now.
 */
export function happenedAt({ delay, eventTimestamp }: AccountingRecord, now: number): number {
  const delayed = delay * 1000;
  if (delayed > 0 && delayed <= oldest) return now - delayed;
  const stamp = eventTimestamp?.getTime() ?? now;
  return stamp >= now - oldest && stamp <= now + tolerance ? Math.min(stamp, now) : now;
}

const longest = 366 * 86_400_000;

/** When a session began that the record is the first to tell of. */
export function beganAt(record: AccountingRecord, now: number): number {
  const lasted = (record.sessionTime ?? 0) * 1000;
  return happenedAt(record, now) - (lasted <= longest ? lasted : 0);
}
