import type { CredentialChange, DeviceChange, FeedMessage } from '#model';
import { MoreThan, type EntityManager } from 'typeorm';
import { currentRevision, startRevision, type Series } from '../store/counters.js';
import type { Database } from '../store/database.js';
import { credentials, credentialTombstones, devices, tombstones } from '../store/rows.js';

/** A change and its number in the feed. */
interface Numbered<Change> {
  readonly revision: number;
  readonly change: Change;
}

interface Batch<Change> {
  readonly reset: boolean;
  readonly revision: number;
  readonly changes: readonly Change[];
}

/** A table that bridges have a copy of: its rows and its tombstones, each in the order of their numbers. */
export interface FeedStream<Change = never> {
  readonly series: Series;
  readonly changed: (db: EntityManager, page: FeedPage) => Promise<Numbered<Change>[]>;
  readonly gone: (db: EntityManager, page: FeedPage) => Promise<Numbered<Change>[]>;
  readonly messageOf: (batch: Batch<Change>) => FeedMessage;
}

type FeedPage = ReturnType<typeof pageAfter>;

export const batchSize = 1000;

const pageAfter = (revision: number) => ({
  where: { revision: MoreThan(revision) },
  order: { revision: 'ASC' as const },
  take: batchSize,
});

export const deviceStream: FeedStream<DeviceChange> = {
  series: 'device',
  changed: async (db, page) => {
    const select = { mac: true, class: true, posture: true, serial: true, inUse: true, revision: true } as const;
    const rows = await db.find(devices, { ...page, select });
    return rows.map(({ mac, class: name, posture, serial, inUse, revision }) => ({
      revision,
      change: { mac, class: name, posture, ...(serial !== '' && { serial }), ...(inUse !== null && { inUse }) },
    }));
  },
  gone: async (db, page) =>
    (await db.find(tombstones, page)).map(({ mac, revision }) => ({ revision, change: { mac, deleted: true } })),
  messageOf: ({ reset, revision, changes }) => ({ type: 'devices', reset, revision, devices: [...changes] }),
};

export const credentialStream: FeedStream<CredentialChange> = {
  series: 'credential',
  changed: async (db, page) =>
    (await db.find(credentials, page)).map(({ username, mac, passwordHash, ntHash, revision }) => ({
      revision,
      change: { username, mac, passwordHash, ntHash },
    })),
  gone: async (db, page) =>
    (await db.find(credentialTombstones, page)).map(({ username, revision }) => ({
      revision,
      change: { username, deleted: true },
    })),
  messageOf: ({ reset, revision, changes }) => ({ type: 'credentials', reset, revision, credentials: [...changes] }),
};

/** A message of the feed, and the number up to which a bridge that has it has the table. */
export interface FeedBatch {
  readonly revision: number;
  readonly message: FeedMessage;
}

/**
 * What a bridge must still hear of a table, at most `batchSize` rows; null when it has all. A number that this database
 * never gave out (another data folder, a restored backup) starts the copy afresh.
 */
export function nextBatch<Change>(
  database: Database,
  stream: FeedStream<Change>,
  since: number,
): Promise<FeedBatch | null> {
  return database.read(async (db) => {
    const [first, last] = [await startRevision(db, stream.series), await currentRevision(db, stream.series)];
    const reset = since < first || since > last;
    const page = pageAfter(reset ? first : since);
    const gone = reset ? [] : await stream.gone(db, page);
    const rows = [...(await stream.changed(db, page)), ...gone]
      .sort((a, b) => a.revision - b.revision)
      .slice(0, batchSize);
    if (rows.length === 0 && !reset) return null;
    // A batch that is not full holds all there is, also numbers whose row was changed again or deleted since.
    const revision = rows.length < batchSize ? last : rows.at(-1)!.revision;
    const message = stream.messageOf({ reset, revision, changes: rows.map(({ change }) => change) });
    return { revision, message };
  });
}
