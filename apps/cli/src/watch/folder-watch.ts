import { statSync, watch, type FSWatcher } from 'node:fs';
import { dirname, join } from 'node:path';
import { walkPolicyFolder } from '../policy-files.js';

export interface WatchedPlaces {
  readonly folder: string;
  /** Files elsewhere; they may be missing. */
  readonly beside: readonly string[];
  /** Ask for no events: there are none of a file system that is on another machine. */
  readonly poll: boolean;
}

/** Milliseconds. */
export interface WatchTimes {
  /** How long nothing may change before a change is told: editors write a file in several steps. */
  readonly settle: number;
  /** After which a change is told though more follow. */
  readonly most: number;
  /** Between looks while there are events; these are for events that are lost. */
  readonly withEvents: number;
  /** Between looks without events: while the folder is gone, or by `poll`. */
  readonly withoutEvents: number;
}

export const watchTimes: WatchTimes = { settle: 25, most: 500, withEvents: 2000, withoutEvents: 250 };

/**
 * Tells when policy files have changed, and settled. An event of the system is only a reason to look at once: what counts is whether
 * names, sizes and times of files differ, so that files that are replaced, and folders that go and come back, need nothing of their own.
 * Decides nothing about what changed: who listens reads all of it.
 */
export class FolderWatch {
  private readonly watchers = new Map<string, FSWatcher>();
  private told: string;
  private found: string;
  private since = 0;
  private timer: NodeJS.Timeout | null = null;
  private isStirred = false;

  constructor(
    private readonly places: WatchedPlaces,
    private readonly changed: () => void,
    private readonly times: WatchTimes = watchTimes,
  ) {
    this.told = this.look();
    this.found = this.told;
    this.lookIn(this.pause);
  }

  close(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.follow([]);
  }

  /** What was read meanwhile was not what stands there: tell of it again. */
  again(): void {
    this.told = '';
    this.lookIn(this.times.settle);
  }

  private get pause(): number {
    return this.watchers.size > 0 ? this.times.withEvents : this.times.withoutEvents;
  }

  /** Of events that follow each other, the first one counts: however many there are, there will be a look. */
  private stir(): void {
    if (this.isStirred || !this.timer) return;
    this.isStirred = true;
    this.lookIn(this.times.settle);
  }

  private lookIn(milliseconds: number): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => this.compare(), milliseconds);
  }

  private compare(): void {
    this.isStirred = false;
    const now = this.look();
    if (now === this.told) {
      this.found = now;
      this.since = 0;
      return this.lookIn(this.pause);
    }
    if (this.since === 0) this.since = performance.now();
    const isSettled = now === this.found;
    this.found = now;
    if (!isSettled && performance.now() - this.since < this.times.most) return this.lookIn(this.times.settle);
    this.told = now;
    this.since = 0;
    this.lookIn(this.pause);
    this.changed();
  }

  /** A text that is another one when a file is. */
  private look(): string {
    const { folder, beside } = this.places;
    try {
      const { files, folders } = walkPolicyFolder(folder);
      this.follow([...folders.map((name) => join(folder, name)), ...beside.map((file) => dirname(file))]);
      return [...files.map((name) => join(folder, name)), ...beside].map(stateOf).join('\n');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      this.follow([]);
      return `${String(error.code)}\n${beside.map(stateOf).join('\n')}`;
    }
  }

  private follow(folders: readonly string[]): void {
    const wanted = new Map(this.places.poll ? [] : folders.map((path) => [`${inodeOf(path)} ${path}`, path]));
    for (const [key, watcher] of this.watchers) {
      if (wanted.has(key)) continue;
      watcher.close();
      this.watchers.delete(key);
    }
    for (const [key, path] of wanted) if (!this.watchers.has(key)) this.start(key, path);
  }

  /** Without a watcher (there are only so many, or the folder went) the next look is what tells. */
  private start(key: string, path: string): void {
    try {
      const watcher = watch(path, { persistent: false }, () => this.stir());
      watcher.on('error', () => {
        watcher.close();
        this.watchers.delete(key);
      });
      this.watchers.set(key, watcher);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
}

/** The change time can't be set by whoever writes a file: a copy with the old date is another file. */
function stateOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? `${path} ${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}` : `${path} gone`;
}

const inodeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
