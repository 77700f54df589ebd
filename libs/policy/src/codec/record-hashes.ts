import { hashOf } from './hashes.js';

/*
 * Records with a member for each class are hashed in parts, in order of names: an edit changes few of thousands.
 */

/** Members of one part. */
const partSize = 64;

/** Of an encoded record. */
export function hashOfRecord(record: Readonly<Record<string, unknown>>): string {
  return new RecordHashes((value) => value).hashOf(record);
}

/** Hashes one version of a record after another; members that are the same objects are not encoded again. */
export class RecordHashes<T> {
  private names: readonly string[] = [];
  private sorted: readonly string[] = [];
  private values: readonly T[] = [];
  private parts: readonly string[] = [];

  constructor(private readonly encode: (value: T) => unknown) {}

  hashOf(record: Readonly<Record<string, T>>): string {
    const names = Object.keys(record);
    const isKnown = names.length === this.names.length && names.every((name, i) => name === this.names[i]);
    if (!isKnown) {
      this.names = names;
      this.sorted = names.toSorted();
      this.parts = [];
    }
    const values = this.sorted.map((name) => record[name]!);
    const parts: string[] = [];
    for (let from = 0; from < values.length; from += partSize) {
      const known = this.parts[parts.length];
      parts.push(known !== undefined && this.isSame(values, from) ? known : this.partOf(values, from));
    }
    this.values = values;
    this.parts = parts;
    return hashOf(parts);
  }

  private isSame(values: readonly T[], from: number): boolean {
    const end = Math.min(from + partSize, values.length);
    for (let i = from; i < end; i++) if (values[i] !== this.values[i]) return false;
    return true;
  }

  private partOf(values: readonly T[], from: number): string {
    const part = values.slice(from, from + partSize);
    return hashOf(part.map((value, i) => [this.sorted[from + i]!, this.encode(value)]));
  }
}
