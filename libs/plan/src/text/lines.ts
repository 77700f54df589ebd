/** Text as it comes from a file: whole, or in pieces that break anywhere. */
export type TextChunks = string | Iterable<string>;

/** Lines without their ends (LF or CRLF). A last line needs no end; a byte order mark is dropped. */
export function* linesOf(chunks: TextChunks): Generator<string> {
  let rest = '';
  let isFirst = true;
  for (const chunk of typeof chunks === 'string' ? [chunks] : chunks) {
    let text = rest + chunk;
    if (isFirst && text.length > 0) {
      if (text.codePointAt(0) === 0xfeff) text = text.slice(1);
      isFirst = false;
    }
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      yield text.slice(from, end > from && text.charCodeAt(end - 1) === carriageReturn ? end - 1 : end);
      from = end + 1;
    }
    rest = text.slice(from);
  }
  if (rest.length > 0) yield rest.endsWith('\r') ? rest.slice(0, -1) : rest;
}

const carriageReturn = 13;

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
