import { compareText } from '#base';
import type { FlowEntry } from '#model';

/** Entries have no order, and one line may have several: the same entries in any order give the same artefact. */
export function inOrder(entries: readonly FlowEntry[]): readonly FlowEntry[] {
  const keyed = entries.map((entry) => ({ entry, key: orderKey(entry) }));
  return keyed.sort((a, b) => compareText(a.key, b.key)).map(({ entry }) => entry);
}

function orderKey({ id, source, destination, services }: FlowEntry): string {
  const plain = [id, source, destination, services];
  return JSON.stringify(plain, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
