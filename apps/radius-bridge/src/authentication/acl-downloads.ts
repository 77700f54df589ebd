import type { Snapshot } from '#policy/snapshot';
import { downloadableAcl, nasProfile, takesDownloads, type DownloadableAcl } from '#radius';

/** Lists of policies that were in force before. */
const maxKept = 2_000;

/**
 * The ACLs that switches may fetch, by name: those of the policy in force, and those of earlier ones, since a switch may ask for the
 * list that an Access-Accept of a moment ago named. The name holds the hash of the content, so an old list can't be taken for a new
 * one. It does not decide who gets which: an Access-Accept does, by the name in it.
 *
 * What came before a restart is gone: a switch that asks for it is refused, and gets the new name at its next authentication.
 */
export class AclDownloads {
  private readonly byName = new Map<string, DownloadableAcl>();

  constructor(private readonly kept = maxKept) {}

  taken({ nas, accessTable, portAcls }: Pick<Snapshot, 'nas' | 'accessTable' | 'portAcls'>): void {
    if (!nas.some(({ profile, portAcl }) => portAcl === 'full' && takesDownloads(nasProfile(profile)))) return;
    const roles = new Set(accessTable.map(({ role }) => role));
    for (const role of roles) {
      const acl = downloadableAcl({ role, entries: portAcls[role] ?? [] });
      // At the end of the order, as what is in force: the oldest stand first.
      this.byName.delete(acl.name);
      this.byName.set(acl.name, acl);
    }
    for (const name of this.byName.keys()) {
      if (this.byName.size <= Math.max(this.kept, roles.size)) break;
      this.byName.delete(name);
    }
  }

  find(name: string): DownloadableAcl | null {
    return this.byName.get(name) ?? null;
  }
}
