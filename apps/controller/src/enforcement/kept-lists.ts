import type { NamedList } from '#model';
import { formatPrefix, parsePrefix, type Prefix } from '#net';
import { isFilterNameOf } from '#radius';
import { sessionsBy, type LiveSession } from '../sessions/live-sessions.js';
import { policiesOf, type EnforcedPolicy } from './generations.js';
import { listsOf } from './goal.js';
import type { Database } from '../store/database.js';
import { namedLists, type NamedListRow } from '../store/rows.js';

/**
 * Every list that was to be on a switch. A session that is held back for long was told the name of one by a policy that nobody has any more;
 * the list must not go under it, for many switches let everything pass then.
 */
export class KeptLists {
  private known: Map<string, NamedList> | null = null;

  constructor(private readonly database: Database) {}

  /** Those that sessions at a switch may have by policies that are at hand no more. The lists of the others are kept for later. */
  async inUse(policy: EnforcedPolicy, nas: string, sessions: readonly LiveSession[]): Promise<NamedList[]> {
    await this.keep(listsOf(policy, nas));
    const atHand = new Set(policiesOf(policy).map(({ digest }) => digest));
    const ofSwitch = sessionsBy('nas', sessions).get(nas) ?? [];
    return this.of(ofSwitch.filter(({ snapshotDigest }) => !atHand.has(snapshotDigest)));
  }

  /** Before any of them is put on a switch. */
  async keep(lists: readonly NamedList[]): Promise<void> {
    const known = await this.load();
    const fresh = lists.filter(({ name }) => !known.has(name));
    if (fresh.length === 0) return;
    await this.database.transaction((tx) => tx.upsert(namedLists, fresh.map(rowOf), ['name']));
    for (const list of fresh) known.set(list.name, list);
  }

  /** All that these sessions may have. */
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
