/** `urgent`: quarantine; `device`: something about this device changed; `policy`: the policy did, so many wait together. */
export const lanes = ['urgent', 'device', 'policy'] as const;
export type Lane = (typeof lanes)[number];

/** Sessions that wait for a CoA, by NAS; lanes one after the other. */
export class CoaQueue {
  private readonly waiting: Readonly<Record<Lane, Map<string, Set<string>>>> = {
    urgent: new Map(),
    device: new Map(),
    policy: new Map(),
  };

  get size(): number {
    return lanes.reduce((sum, lane) => sum + this.sizeOf(lane), 0);
  }

  sizeOf(lane: Lane): number {
    let size = 0;
    for (const ids of this.waiting[lane].values()) size += ids.size;
    return size;
  }

  /** In the fastest lane that anybody asked for. */
  add(id: string, nasAddress: string, lane: Lane): void {
    for (const other of lanes) {
      if (other === lane) break;
      if (this.waiting[other].get(nasAddress)?.has(id)) return;
    }
    for (const other of lanes) if (other !== lane) removeFrom(this.waiting[other], nasAddress, id);
    const ids = this.waiting[lane].get(nasAddress);
    if (ids) ids.add(id);
    else this.waiting[lane].set(nasAddress, new Set([id]));
  }

  /**
   * The next session whose lane is open and whose NAS can take one more; NASes take turns. A lane that is closed costs nothing, however many
   * NASes wait in it: that is what a rollout to a whole hospital does most of the time.
   */
  take(
    isOpen: (lane: Lane) => boolean,
    isFree: (nasAddress: string, lane: Lane) => boolean,
  ): { readonly id: string; readonly lane: Lane } | null {
    for (const lane of lanes) {
      if (!isOpen(lane)) continue;
      for (const [nasAddress, ids] of this.waiting[lane]) {
        if (!isFree(nasAddress, lane)) continue;
        const [id] = ids;
        this.waiting[lane].delete(nasAddress);
        ids.delete(id!);
        if (ids.size > 0) this.waiting[lane].set(nasAddress, ids);
        return { id: id!, lane };
      }
    }
    return null;
  }
}

function removeFrom(lane: Map<string, Set<string>>, nasAddress: string, id: string): void {
  const ids = lane.get(nasAddress);
  if (ids?.delete(id) && ids.size === 0) lane.delete(nasAddress);
}
