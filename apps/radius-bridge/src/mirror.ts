/** What a feed message means for a table's copy on disk. */
export interface MirrorChange<Change> {
  readonly reset: boolean;
  /** Rows that the running reset has not named are gone. */
  readonly prune: boolean;
  /** Null while a reset is under way: until it is complete, the revision on disk must ask for it again. */
  readonly revision: number | null;
  readonly changes: readonly Change[];
}

/** One row of a feed message: null when it is gone. */
export type MirrorRow<Value> = readonly [key: string, value: Value | null];

/**
 * A copy in memory of one of the controller's tables, which comes as a feed of numbered changes.
 *
 * A reset comes in several messages. Emptying the copy at the first would leave every row unknown until the last one
 * has come, so rows are replaced as they arrive, and those that the reset did not name go at the next ping.
 */
export class Mirror<Value> {
  private readonly rows = new Map<string, Value>();
  private named: Set<string> | null = null;
  private completeRevision = 0;
  private latestRevision = 0;

  /** `onChange`: a row came, went (`now` undefined) or was replaced. Not called for what is loaded. */
  constructor(
    private readonly onChange: (before: Value | undefined, now: Value | undefined) => void = () => undefined,
  ) {}

  /** The revision to ask the controller for changes since. */
  get revision(): number {
    return this.completeRevision;
  }

  get size(): number {
    return this.rows.size;
  }

  entries(): IterableIterator<[key: string, value: Value]> {
    return this.rows.entries();
  }

  get(key: string): Value | undefined {
    return this.rows.get(key);
  }

  load(rows: Iterable<readonly [key: string, value: Value]>, revision: number): void {
    for (const [key, value] of rows) this.rows.set(key, value);
    this.completeRevision = this.latestRevision = revision;
  }

  /** A broken connection ends a reset that was under way: it will be asked for again. */
  disconnected(): void {
    this.named = null;
    this.latestRevision = this.completeRevision;
  }

  apply<Change>(
    reset: boolean,
    revision: number,
    changes: readonly Change[],
    rowOf: (change: Change) => MirrorRow<Value>,
  ): MirrorChange<Change> {
    if (reset) this.named = new Set();
    for (const change of changes) {
      const [key, value] = rowOf(change);
      this.put(key, value ?? undefined);
      if (value === null) this.named?.delete(key);
      else this.named?.add(key);
    }
    this.latestRevision = revision;
    if (!this.named) this.completeRevision = revision;
    return { reset, prune: false, revision: this.named ? null : revision, changes };
  }

  /** The controller has sent all it had: completes a reset. Null when none was under way. */
  settle(): MirrorChange<never> | null {
    const { named } = this;
    if (!named) return null;
    for (const key of this.rows.keys()) if (!named.has(key)) this.put(key, undefined);
    this.named = null;
    this.completeRevision = this.latestRevision;
    return { reset: false, prune: true, revision: this.latestRevision, changes: [] };
  }

  private put(key: string, value: Value | undefined): void {
    const before = this.rows.get(key);
    if (value === undefined) this.rows.delete(key);
    else this.rows.set(key, value);
    this.onChange(before, value);
  }
}
