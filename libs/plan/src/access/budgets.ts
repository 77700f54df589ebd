import { compareText } from '#base';
import type { NasEntry, Snapshot } from '#policy';
import type { BudgetChange, WorstRole } from '../plan.js';
import type { Renderings } from './diff-access.js';
import { switchKind, type Rendering } from './rendering.js';

/** Per switch the longest port ACL that it may be told, before and after, beside what its ports take. */
export function diffBudgets(before: Snapshot, after: Snapshot, renderings: Renderings): BudgetChange[] {
  const sides = [
    { nas: byName(before), roles: rolesBySite(before), rendering: renderings.before },
    { nas: byName(after), roles: rolesBySite(after), rendering: renderings.after },
  ] as const;
  const names = [...new Set([...sides[0].nas.keys(), ...sides[1].nas.keys()])].sort(compareText);
  return names.map((name): BudgetChange => {
    const [was, is] = sides.map(({ nas, roles, rendering }) => {
      const entry = nas.get(name);
      return entry ? worstRole(entry, roles, rendering) : null;
    });
    const entry = sides[1].nas.get(name) ?? sides[0].nas.get(name)!;
    const limit = entry.aclEntries;
    const exceeded = limit !== null && !!is && is.entries > limit;
    return { nas: name, profile: entry.profile, limit, before: was ?? null, after: is ?? null, exceeded };
  });
}

const byName = ({ nas }: Snapshot): ReadonlyMap<string, NasEntry> => new Map(nas.map((entry) => [entry.name, entry]));

function rolesBySite({ accessTable }: Snapshot): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { site, role } of accessTable) found.set(site, (found.get(site) ?? new Set<string>()).add(role));
  return found;
}

function worstRole(
  nas: NasEntry,
  roles: ReadonlyMap<string, ReadonlySet<string>>,
  rendering: Rendering,
): WorstRole | null {
  let worst: WorstRole | null = null;
  for (const site of [nas.site, ...Object.values(nas.ssidSites)]) {
    for (const role of roles.get(site) ?? []) {
      const entries = rendering.entries(switchKind(nas), role);
      const isWorse = !worst || entries > worst.entries || (entries === worst.entries && role < worst.role);
      if (isWorse) worst = { role, entries };
    }
  }
  return worst;
}
