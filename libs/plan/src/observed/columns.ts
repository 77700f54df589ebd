/**
 * Where the fields of a line are, found without making them: `starts[i]` to `ends[i]`. Blanks around a field are not part of
 * it. One object is used for a whole file.
 */
export class Columns {
  readonly starts: Int32Array;
  readonly ends: Int32Array;

  constructor(private readonly count: number) {
    this.starts = new Int32Array(count);
    this.ends = new Int32Array(count);
  }

  /** Whether the line has exactly that many fields, or more with `orMore`. */
  split(line: string, orMore: boolean): boolean {
    let from = 0;
    for (let i = 0; i < this.count; i++) {
      const comma = line.indexOf(',', from);
      const isLast = i === this.count - 1;
      if (comma < 0 && !isLast) return false;
      if (comma >= 0 && isLast && !orMore) return false;
      let end = comma < 0 ? line.length : comma;
      const next = end + 1;
      while (from < end && line.charCodeAt(from) === 0x20) from++;
      while (end > from && line.charCodeAt(end - 1) === 0x20) end--;
      this.starts[i] = from;
      this.ends[i] = end;
      from = next;
    }
    return true;
  }
}
