import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Credential } from '#model';
import type { DeviceRow } from '../device-index.js';
import type { MirrorChange } from '../mirror.js';
import type { FromJournal, JournalOperation, JournalState, SpooledEvent, ToJournal } from './messages.js';

/*
 * The thread that owns the database file. It decides nothing: it makes durable what it is given, in order.
 *
 *   write, write, write ──▶ all that has arrived = one transaction ──▶ fsync ──▶ durable(last ticket)
 *
 * Only `node:` modules and types are imported here, and only erasable syntax is used: tests start this file as it is.
 */

const maxWritesPerCommit = 2000;
const retryMilliseconds = 500;
const sessionsPerList = 1000;

/*
 * 64 MiB of pages stay in memory, and 32 MiB are written ahead before they go to their places: a session's page is written
 * once for many changes. Sessions are too wide to stand in the tree of their key, so theirs is a table with rowids.
 */
const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA cache_size = -65536;
  PRAGMA wal_autocheckpoint = 8000;
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS instance (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS snapshot (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS device
    (mac TEXT PRIMARY KEY, class TEXT NOT NULL, posture TEXT NOT NULL, reset INTEGER NOT NULL,
      serial TEXT NOT NULL DEFAULT '', in_use TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS document (name TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS credential
    (username TEXT PRIMARY KEY, json TEXT NOT NULL, reset INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS session (id TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY, session TEXT, json TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS event_session ON event (session) WHERE session IS NOT NULL;
  INSERT OR IGNORE INTO instance VALUES (1, lower(hex(randomblob(6))));
  INSERT OR IGNORE INTO meta VALUES ('format', 3), ('revision', 0), ('reset', 0), ('credentialRevision', 0),
    ('credentialReset', 0), ('lastSeq', 0);
`;

/**
 * What a later format knows of a device and an earlier one did not: 2 serial numbers, 3 that it is in use. The devices go on to be
 * served, and the controller is asked for all of them anew.
 */
const upgrades: Readonly<Record<number, string>> = {
  1: "ALTER TABLE device ADD COLUMN serial TEXT NOT NULL DEFAULT ''",
  2: "ALTER TABLE device ADD COLUMN in_use TEXT NOT NULL DEFAULT ''",
};
const format = 3;

function upgrade(database: DatabaseSync, from: number): void {
  for (let at = from; at < format && upgrades[at] !== undefined; at++) {
    database.exec(`
      BEGIN IMMEDIATE;
      ${upgrades[at]};
      UPDATE meta SET value = 0 WHERE name = 'revision';
      UPDATE meta SET value = ${at + 1} WHERE name = 'format';
      COMMIT;
    `);
  }
}

function openStore(path: string) {
  const database = new DatabaseSync(path);
  database.exec(schema);
  const meta = database.prepare('SELECT value FROM meta WHERE name = ?');
  const metaOf = (name: string): number => (meta.get(name) as { value: number }).value;
  upgrade(database, metaOf('format'));
  if (metaOf('format') !== format) throw new Error(`${path} was written by another version of the bridge`);
  const statement = (sql: string): StatementSync => database.prepare(sql);
  const setMeta = statement('UPDATE meta SET value = ? WHERE name = ?');
  const putSnapshot = statement('INSERT OR REPLACE INTO snapshot VALUES (1, ?)');
  const putDevice = statement(
    'INSERT OR REPLACE INTO device (mac, class, posture, reset, serial, in_use) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const putDocument = statement('INSERT OR REPLACE INTO document VALUES (?, ?)');
  const deleteDocument = statement('DELETE FROM document WHERE name = ?');
  const deleteDevice = statement('DELETE FROM device WHERE mac = ?');
  const pruneDevices = statement('DELETE FROM device WHERE reset < ?');
  const putCredential = statement('INSERT OR REPLACE INTO credential VALUES (?, ?, ?)');
  const deleteCredential = statement('DELETE FROM credential WHERE username = ?');
  const pruneCredentials = statement('DELETE FROM credential WHERE reset < ?');
  const putSession = statement('INSERT OR REPLACE INTO session VALUES (?, ?)');
  const deleteSession = statement('DELETE FROM session WHERE id = ?');
  const putEvent = statement('INSERT INTO event VALUES (?, ?, ?)');
  const deleteEvent = statement('DELETE FROM event WHERE seq = ?');
  const deleteEvents = statement('DELETE FROM event WHERE seq <= ?');
  const deleteOlder = statement('DELETE FROM event WHERE session = ? AND seq < ?');
  const readEvents = statement('SELECT seq, json FROM event ORDER BY seq LIMIT ?');
  const countEvents = statement('SELECT count(*) AS value FROM event');
  // Kept along, because counting walks the table, and storing it with each event would write a page more.
  let spooled = (countEvents.get() as { value: number }).value;
  let lastSeq = metaOf('lastSeq');

  /** In few long texts, none of which stays here: one for each session would cost more than all the rest of a start. */
  function readSessions(give: (list: string) => void): void {
    let sessions: string[] = [];
    const finish = (): void => {
      if (sessions.length > 0) give(`[${sessions.join(',')}]`);
      sessions = [];
    };
    for (const row of statement('SELECT json FROM session').iterate()) {
      if (sessions.push(String(row['json'])) === sessionsPerList) finish();
    }
    finish();
  }

  /** Each row keeps the number of the reset that named it last, so that a reset ends by removing those of earlier ones. */
  function applyMirror<Change>(
    change: MirrorChange<Change>,
    names: { readonly revision: string; readonly reset: string },
    prune: StatementSync,
    put: (change: Change, reset: number) => void,
  ): void {
    if (change.reset) setMeta.run(metaOf(names.reset) + 1, names.reset);
    const reset = metaOf(names.reset);
    for (const row of change.changes) put(row, reset);
    if (change.prune) prune.run(reset);
    if (change.revision !== null) setMeta.run(change.revision, names.revision);
  }

  const deviceMeta = { revision: 'revision', reset: 'reset' };
  const credentialMeta = { revision: 'credentialRevision', reset: 'credentialReset' };

  function spool({ seq, json }: SpooledEvent, session: string | null): void {
    if (session !== null) spooled -= Number(deleteOlder.run(session, seq).changes);
    // A write that is tried again, or one of a bridge that was killed, may name a number for the second time.
    spooled -= Number(deleteEvent.run(seq).changes);
    putEvent.run(seq, session, json);
    spooled++;
    lastSeq = Math.max(lastSeq, seq);
  }

  function apply(operation: JournalOperation): void {
    switch (operation.kind) {
      case 'devices':
        return applyMirror(operation, deviceMeta, pruneDevices, (row, reset) => {
          if ('deleted' in row) deleteDevice.run(row.mac);
          else putDevice.run(row.mac, row.class, row.posture, reset, row.serial ?? '', row.inUse ?? '');
        });
      case 'credentials':
        return applyMirror(operation, credentialMeta, pruneCredentials, (row, reset) => {
          if ('deleted' in row) deleteCredential.run(row.username);
          else putCredential.run(row.username, JSON.stringify(row), reset);
        });
      case 'snapshot':
        return void putSnapshot.run(operation.json);
      case 'document':
        if (operation.json === null) deleteDocument.run(operation.name);
        else putDocument.run(operation.name, operation.json);
        return;
      case 'session':
        putSession.run(operation.id, operation.json);
        if (operation.event) spool(operation.event, operation.id);
        return;
      case 'event':
        return spool(operation.event, null);
      case 'forget-events':
        spooled -= Number(deleteEvents.run(operation.upTo).changes);
        return;
      case 'forget-session':
        return void deleteSession.run(operation.id);
    }
  }

  return {
    commit(operations: Iterable<JournalOperation>): void {
      const before = { spooled, lastSeq };
      database.exec('BEGIN IMMEDIATE');
      try {
        for (const operation of operations) apply(operation);
        if (lastSeq !== before.lastSeq) setMeta.run(lastSeq, 'lastSeq');
        database.exec('COMMIT');
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK');
        ({ spooled, lastSeq } = before);
        throw error;
      }
    },
    events: (limit: number): SpooledEvent[] =>
      readEvents.all(limit).map((row) => ({ seq: Number(row['seq']), json: String(row['json']) })),
    spooled: (): number => spooled,
    readSessions,
    load(): Omit<JournalState, 'sessions'> {
      const rows = statement('SELECT mac, class, posture, serial, in_use FROM device');
      rows.setReturnArrays(true);
      const snapshot = statement('SELECT json FROM snapshot').get() as { json: string } | undefined;
      const { instance } = statement('SELECT name AS instance FROM instance').get() as { instance: string };
      return {
        instance,
        snapshot: snapshot?.json ?? null,
        documents: Object.fromEntries(
          statement('SELECT name, json FROM document')
            .all()
            .map((row) => [row['name'], row['json']]),
        ),
        devices: rows.all() as unknown as DeviceRow[],
        revision: metaOf(deviceMeta.revision),
        credentials: statement('SELECT json FROM credential')
          .all()
          .map((row) => JSON.parse(String(row['json'])) as Credential),
        credentialRevision: metaOf(credentialMeta.revision),
        lastSeq,
        spooled,
      };
    },
    close: (): void => database.close(),
  };
}

function serve(path: string): void {
  const port = parentPort!;
  const post = (message: FromJournal): void => port.postMessage(message);
  const store = openStore(path);
  const waiting: ToJournal[] = [];
  let retry: NodeJS.Timeout | null = null;

  /** Commits the writes at the head of the queue; false when they have to wait for a retry. */
  function commitWrites(): boolean {
    let count = 0;
    while (count < maxWritesPerCommit && waiting[count]?.type === 'write') count++;
    const writes = waiting.slice(0, count).filter((message) => message.type === 'write');
    try {
      store.commit(writes.flatMap((write) => write.operations));
    } catch (error) {
      post({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
      return false;
    }
    waiting.splice(0, count);
    post({ type: 'durable', ticket: writes.at(-1)!.ticket, spooled: store.spooled() });
    return true;
  }

  function work(): void {
    retry = null;
    for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port)) {
      waiting.push(received.message as ToJournal);
    }
    while (waiting.length > 0) {
      const next = waiting[0]!;
      if (next.type === 'write') {
        if (commitWrites()) continue;
        if (waiting.some((message) => message.type === 'close')) return close();
        retry = setTimeout(work, retryMilliseconds);
        return;
      }
      waiting.shift();
      if (next.type === 'read-events') {
        post({ type: 'events', request: next.request, events: store.events(next.limit) });
      } else return close();
    }
  }

  /** What could not be written by now was never acknowledged. */
  function close(): void {
    store.close();
    port.close();
  }

  port.on('message', (message: ToJournal) => {
    waiting.push(message);
    if (retry === null) work();
  });
  store.readSessions((list) => post({ type: 'sessions', list }));
  post({ type: 'loaded', state: store.load() });
}

serve((workerData as { path: string }).path);
