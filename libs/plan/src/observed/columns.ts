import type { Line } from '../text/lines.js';

const comma = 0x2c;
const blank = 0x20;

/**
 * Where the fields of a line are, found without making them: bytes `starts[i]` to before `ends[i]`. Blanks around a field are
 * not part of it. One object is used for a whole file.
 */
export class Columns {
  readonly starts: Int32Array;
  readonly ends: Int32Array;

  constructor(private readonly count: number) {
    this.starts = new Int32Array(count);
    this.ends = new Int32Array(count);
  }

  /** Whether the line has exactly that many fields, or more with `orMore`. */
  split({ bytes, from, to }: Line, orMore: boolean): boolean {
    let field = 0;
    let start = from;
    for (let at = from; at <= to; at++) {
      if (at < to && bytes[at] !== comma) continue;
      if (field === this.count) return orMore;
      let end = at;
      while (start < end && bytes[start] === blank) start++;
      while (end > start && bytes[end - 1] === blank) end--;
      this.starts[field] = start;
      this.ends[field] = end;
      field++;
      start = at + 1;
    }
    return field === this.count;
  }
}
