import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, openSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runProgram } from '#programs';
import { DataSource, type EntityManager } from 'typeorm';
import { migrations } from './migrations.js';
import { NodeSqlite } from './node-sqlite.js';
import { schemas } from './rows.js';

/** `bulk`: what bridges report by the thousand while a policy reaches them. A quarantine does not stand in line behind it. */
type Turn = 'usual' | 'bulk' | 'last';

const mostBefore = 50;
const copyEnding = '.copy';
const longestCopy = 3_600_000;
/** What a batch of a bridge touches: in SQLite's own 2 MB, pages of one transaction would be written to the log several times. */
const cacheKibibytes = 64 * 1024;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * The one way to the database. TypeORM shares one query runner among all callers on SQLite: what one caller commits may
 * be inside another's transaction and be rolled back with it. So callers queue here.
 *
 * INVARIANT: at most one unit of work (a transaction, or the statements of one `read`) runs at a time, first come first
 * served; bulk waits for the others, but not for more than `mostBefore`. `transaction` resolves after COMMIT has reached the disk (WAL, synchronous=FULL). A unit must not wait for
 * anything but the database: everybody else is waiting for it.
 */
export class Database {
  private readonly waiting: Readonly<Record<Turn, (() => Promise<void>)[]>> = { usual: [], bulk: [], last: [] };
  private isBusy = false;
  /** Units that have gone before one of bulk since it came. */
  private before = 0;
  private readonly inside = new AsyncLocalStorage<true>();

  private copying: Promise<unknown> = Promise.resolve();
  /** When a unit of bulk may begin. */
  private bulkTurn: 'not asked' | 'asked' | 'come' = 'not asked';

  private constructor(
    private readonly source: DataSource,
    private readonly connection: NodeSqlite,
    private readonly path: string,
    private readonly beforeBulk: () => Promise<void>,
  ) {}

  /**
   * Nobody else may read the file: it holds hashes that are as good as passwords. SQLite gives its side files the same mode. `beforeBulk`: what
   * each unit of bulk waits for before it begins; others don't wait meanwhile.
   */
  static async open(path: string, beforeBulk: () => Promise<void> = nextTurn): Promise<Database> {
    closeSync(openSync(path, 'a', 0o600));
    // Of a process that was killed.
    for (const name of readdirSync(dirname(path)))
      if (name.startsWith(`${basename(path)}${copyEnding}-`)) rmSync(join(dirname(path), name));
    for (const file of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(file)) chmodSync(file, 0o600);
    let connection!: NodeSqlite;
    const source = new DataSource({
      type: 'better-sqlite3',
      driver: NodeSqlite,
      database: path,
      timeout: 2000,
      entities: schemas,
      migrations,
      prepareDatabase: (opened: NodeSqlite) => {
        connection = opened;
        // EXCLUSIVE: a second controller on the same folder must fail at its start, not share the file.
        connection.pragma('locking_mode = EXCLUSIVE');
        connection.pragma('journal_mode = WAL');
        connection.pragma('synchronous = FULL');
        connection.pragma(`cache_size = -${cacheKibibytes}`);
      },
    });
    try {
      await source.initialize();
      refuseNewer(connection, path);
      await source.runMigrations({ transaction: 'all' });
    } catch (error) {
      if (source.isInitialized) await source.destroy();
      if (String(error).includes('database is locked'))
        throw new Error(`another controller uses ${path}: stop it first, or set CORDON_DATA to another folder`, {
          cause: error,
        });
      throw error;
    }
    return new Database(source, connection, path, beforeBulk);
  }

  /** All or nothing; durable once resolved. */
  transaction<T>(work: (tx: EntityManager) => Promise<T>, turn: Turn = 'usual'): Promise<T> {
    return this.enqueue(() => this.source.manager.transaction(work), turn);
  }

  /** Somebody whose unit is short stands behind the one that runs. */
  get isAwaited(): boolean {
    return this.waiting.usual.length > 0;
  }

  /** Statements that belong together and change nothing. */
  read<T>(work: (db: EntityManager) => Promise<T>): Promise<T> {
    return this.enqueue(() => work(this.source.manager));
  }

  /**
   * A whole copy in a file beside the database, as of one moment; the caller removes it. Units of work go on meanwhile: until it is made they
   * stay in the log, and the file is as it is. Another process copies, since SQLite's locks on a file go when their process closes it.
   */
  copy(): Promise<string> {
    const copy = this.copying.then(async () => {
      const name = `${this.path}${copyEnding}-${randomBytes(6).toString('hex')}`;
      closeSync(openSync(name, 'wx', 0o600));
      await this.enqueue(() => this.holdLog());
      try {
        const command = ['cp', '--', this.path, name];
        const { code, stderr } = await runProgram({ command, timeoutMilliseconds: longestCopy });
        if (code !== 0) throw new Error(`the database could not be copied: ${stderr.trim()}`);
        return name;
      } catch (error) {
        rmSync(name, { force: true });
        throw error;
      } finally {
        await this.enqueue(() => this.letLogGo());
      }
    });
    this.copying = copy.catch(() => undefined);
    return copy;
  }

  private holdLog(): Promise<void> {
    this.connection.pragma('wal_autocheckpoint = 0');
    const [result] = this.connection.pragma('wal_checkpoint(TRUNCATE)') as { readonly busy: number }[];
    if (result?.busy !== 0) throw new Error('the log could not be brought into the database');
    return Promise.resolve();
  }

  private letLogGo(): Promise<void> {
    this.connection.pragma('wal_autocheckpoint = 1000');
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.enqueue(() => this.source.destroy(), 'last');
  }

  private enqueue<T>(work: () => Promise<T>, turn: Turn = 'usual'): Promise<T> {
    if (this.inside.getStore()) throw new Error('a unit of work must not wait for another one: pass `tx` on');
    // One that fails before its first step must not stop the others either.
    const run = async (): Promise<T> => this.inside.run(true, work);
    return new Promise((resolve, reject) => {
      this.waiting[turn].push(() => run().then(resolve, reject));
      void this.drain();
    });
  }

  private async drain(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    for (let run = this.next(); run; run = this.next()) await run();
    this.isBusy = false;
  }

  private next(): (() => Promise<void>) | undefined {
    const { usual, bulk, last } = this.waiting;
    const isPatient = this.before < mostBefore && last.length === 0;
    if (usual.length > 0 && (bulk.length === 0 || this.before < mostBefore)) {
      this.before = bulk.length === 0 ? 0 : this.before + 1;
      return usual.shift();
    }
    if (bulk.length === 0) return last.shift();
    // Whoever was served last has to be answered first: that takes many steps, between which steps of a unit of bulk would go.
    if (isPatient && this.bulkTurn !== 'come') return this.askForBulk();
    this.before = 0;
    this.bulkTurn = 'not asked';
    return bulk.shift();
  }

  private askForBulk(): undefined {
    if (this.bulkTurn === 'asked') return;
    this.bulkTurn = 'asked';
    void this.beforeBulk().then(() => {
      this.bulkTurn = 'come';
      return this.drain();
    });
  }
}

/** What a later release did to the tables this one does not know. */
function refuseNewer(connection: NodeSqlite, path: string): void {
  const isThere = connection.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'migrations'`).all().length > 0;
  if (!isThere) return;
  const known = new Set(migrations.map(({ name }) => name));
  const done = connection.prepare('SELECT name FROM migrations').all();
  const unknown = done.find(({ name }) => !known.has(String(name)));
  if (unknown)
    throw new Error(
      `${path} is of a newer release (${String(unknown['name'])}): start that one, or restore a backup that was made before the upgrade (docs/operations.md)`,
    );
}
