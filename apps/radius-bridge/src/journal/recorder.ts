import type { Authentication } from '#model';
import type { Counters } from '../counters.js';
import { stampRefreshed, type SessionGrant } from '../sessions/session-table.js';
import type { TrackedSession } from '../sessions/tracked-session.js';
import type { JournalOperation } from './messages.js';
import type { Journal } from './journal.js';

/** A decision before it is counted together with its like. What is made of it only when it is written costs nothing before. */
export interface AuthenticationNote extends Pick<
  Authentication,
  'mac' | 'nas' | 'nasPort' | 'outcome' | 'reason' | 'code' | 'method' | 'snapshotDigest' | 'decisionId'
> {
  /** Milliseconds. */
  readonly at: number;
  /** Null: rejected. */
  readonly grant: Omit<SessionGrant, 'decisionId'> | null;
}

/** Changed in place: a new object for each that repeats another would be garbage that has grown old. */
type Kept = { -readonly [Field in keyof AuthenticationNote]: AuthenticationNote[Field] };

interface Repeated {
  readonly note: Kept;
  /** Since the last one that was written. */
  count: number;
  writtenAt: number;
}

const batchMilliseconds = 20;
/**
 * What changes nothing but the name of the latest decision and the time of the last sign of life. Devices that ask again all
 * the time would otherwise cost more for the disk than for their answers.
 */
const refreshMilliseconds = 5000;
/** Writing many at once would hold up the requests that come meanwhile: 200 a second, so that it takes longer when all devices ask at once. */
const refreshedPerBatch = 4;
const repeatMilliseconds = 30_000;
const maxRemembered = 50_000;
/** Of one device or NAS: a list that is searched each time. */
const maxOfPlace = 32;
/** Authentications per batch and in the spool: a flood of made-up MACs must not fill the disk or starve accounting. */
const maxNotesPerBatch = 500;
const maxSpooled = 500_000;

/**
 * Turns what happened into journal writes: sessions as they are now, and events for the controller, numbered. The hot path
 * only marks; writing happens in batches. Equal authentications of one port are one event with a count: the first goes at
 * once, those of the next 30 seconds together.
 *
 * It does not decide what is an event, and does not send any (the event sender does).
 */
export class Recorder {
  private seq: number;
  private readonly dirty = new Set<TrackedSession>();
  private aged = new Set<TrackedSession>();
  /** Those of `aged` whose turn it is. */
  private due = new Set<TrackedSession>();
  private readonly forgotten = new Set<string>();
  private notes: Authentication[] = [];
  /** By MAC, where it is known, else by NAS: without an allocation for an authentication that repeats another. */
  private readonly repeated = new Map<string, Repeated[]>();
  private remembered = 0;
  private waiting: (() => void)[] = [];
  private timer: NodeJS.Timeout | null = null;
  private refreshTimer: NodeJS.Timeout | null = null;
  private immediate: NodeJS.Immediate | null = null;

  constructor(
    private readonly journal: Journal,
    private readonly counters: Counters,
    private readonly now: () => number,
    private readonly onSpooled: () => void,
  ) {
    this.seq = journal.loaded.lastSeq;
  }

  session(tracked: TrackedSession): void {
    this.dirty.add(tracked);
    this.aged.delete(tracked);
    this.due.delete(tracked);
    this.schedule();
  }

  /** The session is as it was, only later: that may reach the disk some seconds late. */
  refreshed(tracked: TrackedSession): void {
    if (!this.dirty.has(tracked)) this.aged.add(tracked);
    this.refreshLater();
  }

  forget(id: string): void {
    this.forgotten.add(id);
    this.schedule();
  }

  authentication(note: AuthenticationNote): void {
    const known = this.find(note);
    const now = this.now();
    if (!known) {
      this.addNote(note, 1);
      this.remember({ note: { ...note }, count: 0, writtenAt: now });
      return;
    }
    const kept = known.note;
    const isRepeated =
      kept.grant?.segment === note.grant?.segment && kept.reason === note.reason && kept.method === note.method;
    if (isRepeated && now - known.writtenAt < repeatMilliseconds) known.count++;
    else {
      if (!isRepeated && known.count > 0) this.addNote(kept, known.count);
      this.addNote(note, 1 + (isRepeated ? known.count : 0));
      known.count = 0;
      known.writtenAt = now;
    }
    // MAC, NAS, port and outcome are the same: they stay the strings that they were.
    kept.at = note.at;
    kept.decisionId = note.decisionId;
    kept.snapshotDigest = note.snapshotDigest;
    kept.grant = note.grant;
    kept.reason = note.reason;
    kept.code = note.code;
    kept.method = note.method;
  }

  /** Of the same port, with the same outcome. */
  private find(note: AuthenticationNote): Repeated | null {
    const others = this.repeated.get(placeOf(note));
    if (others) for (const other of others) if (isOfSamePort(other.note, note)) return other;
    return null;
  }

  private remember(repeated: Repeated): void {
    if (this.remembered >= maxRemembered) this.writeRepeated(Number.POSITIVE_INFINITY);
    const place = placeOf(repeated.note);
    const others = this.repeated.get(place);
    this.remembered++;
    if (!others) this.repeated.set(place, [repeated]);
    else if (others.push(repeated) > maxOfPlace) {
      const { note, count } = others.shift()!;
      this.remembered--;
      if (count > 0) this.addNote(note, count);
    }
  }

  /** Calls back when everything recorded up to now is on disk. */
  whenDurable(onDurable: () => void): void {
    this.waiting.push(onDurable);
    this.immediate ??= setImmediate(() => this.flush());
  }

  /** Events of repeated authentications whose 30 seconds are over. */
  writeRepeated(now = this.now()): void {
    for (const [place, all] of this.repeated) {
      const left: Repeated[] = [];
      for (const one of all) {
        if (now - one.writtenAt < repeatMilliseconds) left.push(one);
        else if (one.count > 0) this.addNote(one.note, one.count);
      }
      if (left.length === all.length) continue;
      this.remembered -= all.length - left.length;
      if (left.length > 0) this.repeated.set(place, left);
      else this.repeated.delete(place);
    }
  }

  /** Refreshed sessions go with the next flush. */
  writeRefreshed(): void {
    for (const tracked of [...this.due, ...this.aged]) this.writeAged(tracked);
  }

  flush(): void {
    if (this.timer) clearTimeout(this.timer);
    if (this.immediate) clearImmediate(this.immediate);
    this.timer = this.immediate = null;
    const operations = this.takeOperations();
    const waiting = this.waiting;
    this.waiting = [];
    if (operations.length === 0 && waiting.length === 0) return;
    this.journal.write(operations, () => {
      for (const onDurable of waiting) onDurable();
      this.onSpooled();
    });
  }

  private refreshLater(): void {
    this.refreshTimer ??= setTimeout(() => this.writeDue(), refreshMilliseconds);
  }

  /** Some with each batch. What is refreshed meanwhile has its own five seconds: else a flood would be written all the time. */
  private writeDue(): void {
    this.refreshTimer = null;
    if (this.due.size === 0) [this.due, this.aged] = [this.aged, this.due];
    let count = 0;
    for (const tracked of this.due) {
      if (++count > refreshedPerBatch) {
        this.refreshTimer = setTimeout(() => this.writeDue(), batchMilliseconds);
        return;
      }
      this.writeAged(tracked);
    }
    if (this.aged.size > 0) this.refreshLater();
  }

  private writeAged(tracked: TrackedSession): void {
    stampRefreshed(tracked);
    this.session(tracked);
  }

  private takeOperations(): JournalOperation[] {
    const operations: JournalOperation[] = [];
    for (const tracked of this.dirty) {
      const session = JSON.stringify(tracked.session);
      const seq = ++this.seq;
      const event = { seq, json: `{"type":"session","seq":${seq},"session":${session}}` };
      operations.push({ kind: 'session', id: tracked.session.id, json: trackedJson(tracked, session), event });
    }
    for (const authentication of this.notes) {
      const seq = ++this.seq;
      operations.push({
        kind: 'event',
        event: { seq, json: JSON.stringify({ type: 'authentication', seq, authentication }) },
      });
    }
    for (const id of this.forgotten) operations.push({ kind: 'forget-session', id });
    this.dirty.clear();
    this.forgotten.clear();
    this.notes = [];
    return operations;
  }

  private addNote(note: AuthenticationNote, count: number): void {
    if (this.notes.length >= maxNotesPerBatch || this.journal.spooled >= maxSpooled) {
      this.counters.add('events.authentication.dropped', count);
      return;
    }
    this.notes.push(authenticationOf(note, count));
    this.schedule();
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => this.flush(), batchMilliseconds);
  }
}

const placeOf = ({ mac, nas }: AuthenticationNote): string => mac ?? nas;

const isOfSamePort = (a: AuthenticationNote, b: AuthenticationNote): boolean =>
  a.mac === b.mac && a.nas === b.nas && a.nasPort === b.nasPort && a.outcome === b.outcome;

function authenticationOf({ at, grant, ...rest }: AuthenticationNote, count: number): Authentication {
  return {
    ...rest,
    at: new Date(at).toISOString(),
    class: grant?.class ?? null,
    posture: grant?.posture ?? null,
    site: grant?.site ?? null,
    segment: grant?.segment ?? null,
    vlan: grant?.vlan ?? null,
    rule: grant?.rule ?? null,
    count,
  };
}

/** As JSON.stringify(tracked), without writing the session, which is most of it, a second time. */
function trackedJson({ session: _, ...rest }: TrackedSession, sessionJson: string): string {
  return `{"session":${sessionJson},${JSON.stringify(rest).slice(1)}`;
}
