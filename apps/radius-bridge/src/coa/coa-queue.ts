/** Sessions that wait for a CoA, by NAS; the urgent ones (quarantine) first. */
export class CoaQueue {
  private readonly urgent = new Map<string, Set<string>>();
  private readonly normal = new Map<string, Set<string>>();

  get size(): number {
    return [...this.urgent.values(), ...this.normal.values()].reduce((sum, ids) => sum + ids.size, 0);
  }

  add(id: string, nasAddress: string, isUrgent: boolean): void {
    const lane = isUrgent ? this.urgent : this.normal;
    if (isUrgent) removeFrom(this.normal, nasAddress, id);
    else if (this.urgent.get(nasAddress)?.has(id)) return;
    const ids = lane.get(nasAddress);
    if (ids) ids.add(id);
    else lane.set(nasAddress, new Set([id]));
  }

  /** The next session whose NAS can take one more; NASes take turns. */
  take(isFree: (nasAddress: string) => boolean): string | null {
    for (const lane of [this.urgent, this.normal]) {
      for (const [nasAddress, ids] of lane) {
        if (!isFree(nasAddress)) continue;
        const [id] = ids;
        lane.delete(nasAddress);
        ids.delete(id!);
        if (ids.size > 0) lane.set(nasAddress, ids);
        return id!;
      }
    }
    return null;
  }
}

function removeFrom(lane: Map<string, Set<string>>, nasAddress: string, id: string): void {
  const ids = lane.get(nasAddress);
  if (ids?.delete(id) && ids.size === 0) lane.delete(nasAddress);
}
