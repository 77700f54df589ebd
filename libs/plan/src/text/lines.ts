/** Text as it comes from a file: whole, or as UTF-8 in pieces that break anywhere. A piece is read before the next is asked for. */
export type TextChunks = string | Iterable<Uint8Array>;

/** A line without its end, as the bytes from `from` to before `to`. One object is used for a whole file. */
export class Line {
  from = 0;

  constructor(
    public bytes = Buffer.alloc(0),
    public to = bytes.length,
  ) {}

  text(): string {
    return this.bytes.toString('utf8', this.from, this.to);
  }

  includes(byte: number): boolean {
    for (let at = this.from; at < this.to; at++) if (this.bytes[at] === byte) return true;
    return false;
  }

  startsWith(text: string): boolean {
    return isText(text, this.bytes, this.from, Math.min(this.to, this.from + text.length));
  }
}

/** Whether a text, which is ASCII, is what stands between two places. */
export function isText(text: string, bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Lines without their ends (LF or CRLF). A last line needs no end; a byte order mark is dropped. */
export function* linesOf(chunks: TextChunks): Generator<Line> {
  const line = new Line();
  let isFirst = true;
  const between = (from: number, end: number): Line => {
    const { bytes } = line;
    line.from = isFirst && end - from >= 3 && bytes.readUIntBE(from, 3) === byteOrderMark ? from + 3 : from;
    line.to = end > line.from && bytes[end - 1] === carriageReturn ? end - 1 : end;
    isFirst = false;
    return line;
  };
  /** How many bytes the line has whose end is in no piece yet; they stand at the start of the buffer. */
  let held = 0;
  for (const chunk of typeof chunks === 'string' ? [Buffer.from(chunks)] : chunks) {
    const filled = held + chunk.length;
    if (line.bytes.length < filled) line.bytes = Buffer.concat([line.bytes.subarray(0, held)], 2 * filled);
    const { bytes } = line;
    bytes.set(chunk, held);
    let from = 0;
    for (let end = bytes.indexOf(lineFeed, held); end >= 0 && end < filled; end = bytes.indexOf(lineFeed, from)) {
      yield between(from, end);
      from = end + 1;
    }
    bytes.copyWithin(0, from, filled);
    held = filled - from;
  }
  if (held > 0) yield between(0, held);
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = 0xef_bb_bf;

/**
 * The fields of a CSV line (RFC 4180, one line per record), blanks around them dropped; null: a quote is not closed, or text
 * follows a closed one.
 */
export function csvFields(line: string): string[] | null {
  const out: string[] = [];
  if (!line.includes('"')) {
    let from = 0;
    for (let comma = line.indexOf(','); comma >= 0; comma = line.indexOf(',', from)) {
      out.push(line.slice(from, comma).trim());
      from = comma + 1;
    }
    out.push(line.slice(from).trim());
    return out;
  }
  for (let at = 0; ;) {
    while (line[at] === ' ') at++;
    if (line[at] !== '"') {
      const comma = line.indexOf(',', at);
      const field = line.slice(at, comma < 0 ? line.length : comma).trim();
      if (field.includes('"')) return null;
      out.push(field);
      if (comma < 0) return out;
      at = comma + 1;
      continue;
    }
    let field = '';
    for (at++; ;) {
      const quote = line.indexOf('"', at);
      if (quote < 0) return null;
      field += line.slice(at, quote);
      at = quote + 1;
      if (line[at] !== '"') break;
      field += '"';
      at++;
    }
    out.push(field.trim());
    while (line[at] === ' ') at++;
    if (at >= line.length) return out;
    if (line[at] !== ',') return null;
    at++;
  }
}
