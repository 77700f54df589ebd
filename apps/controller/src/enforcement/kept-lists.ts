import type { NamedList } from '#model';
import { formatPrefix, parsePrefix, type Prefix } from '#net';
import { isFilterNameOf } from '#radius';
import type { LiveSession } from '../sessions/live-sessions.js';
import type { Database } from '../store/database.js';
import { namedLists, type NamedListRow } from '../store/rows.js';

/**
 * Every list that was to be on a switch. A session that is held back for long was told the name of one by a policy that nobody has any more;
 * the list must not go under it, for many switches let everything pass then.
 */
export class KeptLists {
  private known: Map<string, NamedList> | null = null;

  constructor(private readonly database: Database) {}

  /** Before any of them is put on a switch. */
  async keep(lists: readonly NamedList[]): Promise<void> {
    const known = await this.load();
    const fresh = lists.filter(({ name }) => !known.has(name));
    if (fresh.length === 0) return;
    await this.database.transaction((tx) => tx.upsert(namedLists, fresh.map(rowOf), ['name']));
    for (const list of fresh) known.set(list.name, list);
  }

  /** Those that these sessions may have; their policies are at hand no more. */
  async of(sessions: readonly LiveSession[]): Promise<NamedList[]> {
    const roles = new Set(sessions.flatMap(({ role }) => role ?? []));
    if (roles.size === 0) return [];
    const known = await this.load();
    return [...known.values()].filter(({ name }) => [...roles].some((role) => isFilterNameOf(name, role)));
  }

  private async load(): Promise<Map<string, NamedList>> {
    if (this.known) return this.known;
    const rows = await this.database.read((db) => db.find(namedLists));
    return (this.known ??= new Map(rows.map((row) => [row.name, listOf(row)])));
  }
}

const rowOf = ({ name, entries }: NamedList): NamedListRow => ({
  name,
  entries: entries.map((entry) => ({ ...entry, destination: entry.destination && formatPrefix(entry.destination) })),
});

const listOf = ({ name, entries }: NamedListRow): NamedList => ({
  name,
  entries: entries.map((entry) => ({
    ...entry,
    destination: entry.destination === null ? null : (parsePrefix(entry.destination) as Prefix),
  })),
});
