import { suspicionKinds, type SuspicionKind } from '#model';
import type { Report } from '../codes.js';
import type { Policy } from '../policy.js';
import type { ClassSuspicions } from '../snapshot.js';

/** Whoever shows the address of such a device takes it off the network: that is the admin's to choose, but not in silence. */
export function reportSuspicions({ suspicions, classes }: Policy, report: Report): void {
  const named = new Map(suspicions.classes.map((entry) => [entry.name, entry]));
  for (const { name, criticality, span } of classes.values()) {
    if (criticality !== 'life-critical') continue;
    const own = named.get(name);
    const { actions } = own ?? suspicions;
    const kinds = suspicionKinds.filter((kind) => actions[kind] === 'quarantine' && canBeFound(kind, own));
    if (kinds.length === 0) continue;
    const summary = `a suspicion alone (${kinds.join(', ')}) puts devices of \`${name}\` into quarantine, which are life-critical`;
    const hint =
      'write `alarm` for this class in network/suspicions.yaml, or an `ignore` with the reason in cordon.yaml';
    report.add('quarantine-of-life-critical', span, summary, hint);
  }
}

/** Where the class says nothing, there is nothing to contradict. */
function canBeFound(kind: SuspicionKind, own: ClassSuspicions | undefined): boolean {
  if (kind === 'vendor') return (own?.manufacturers.length ?? 0) > 0;
  return kind !== 'fingerprint' || Object.keys(own?.fingerprints ?? {}).length > 0;
}
