import { failure, success, type Diagnostic, type Result, type SourceSpan } from '#base';
import { finding } from './codes.js';
import type { FilterSource, Target, TermField, TermSource } from './policy-file.js';

/** A file that another one includes, by the path that stands there; null: there is none. */
export type Including = (path: string) => { readonly file: string; readonly text: string } | null;

const maxLength = 4 << 20;
const maxIncludes = 5;

interface Token {
  readonly kind: 'word' | 'text' | 'mark';
  readonly text: string;
  readonly span: SourceSpan;
}

/** Ends the reading of a file. */
class Malformed extends Error {
  constructor(readonly why: Diagnostic) {
    super(why.summary);
  }
}

/** Reads a policy file of Capirca (`.pol`) with the files that it includes. `file` is its name in messages. */
export function parseCapirca(text: string, file: string, including: Including): Result<readonly FilterSource[]> {
  try {
    return success(new PolicyReader(readTokens(text, file, including, maxIncludes), file).filters());
  } catch (error) {
    if (error instanceof Malformed) return failure([error.why]);
    throw error;
  }
}

const malformed = (span: SourceSpan, summary: string): Malformed =>
  new Malformed(finding('capirca-syntax', summary, 'see that `aclgen` takes the file as it is', span));

const tokenPattern = /[ \t\r]+|#.*|"[^"\\]*(?:\\.[^"\\]*)*"|"[^"]*"|\w[\w\-+.@/]*|::|[{}()[\],:\-/]/y;

/** Includes stand on lines of their own; texts in quotes may have several lines, comments end with theirs. */
function readTokens(text: string, file: string, including: Including, depth: number): Token[] {
  if (text.length > maxLength)
    throw malformed({ file, line: 1, column: 1 }, `the file has over ${maxLength} characters`);
  const tokens: Token[] = [];
  let line = 1;
  let begin = 0;
  for (let at = 0; at < text.length;) {
    if (text[at] === '\n') {
      line++;
      at++;
      begin = at;
      continue;
    }
    const span = { file, line, column: at - begin + 1 };
    const end = text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at);
    const include = at === begin ? /^\s*#include\s+(\S+)/.exec(text.slice(at, end)) : null;
    if (include) {
      tokens.push(...included(include[1]!, span, including, depth));
      at = end;
      continue;
    }
    tokenPattern.lastIndex = at;
    const found = tokenPattern.exec(text)?.[0];
    if (found === undefined) throw malformed(span, `\`${text[at]}\` can not stand here`);
    const kind = found.startsWith('"') ? 'text' : /^\w/.test(found) ? 'word' : 'mark';
    if (!/^[ \t\r#]/.test(found)) tokens.push({ kind, text: found, span });
    const breaks = found.split('\n').length - 1;
    if (breaks > 0) {
      line += breaks;
      begin = at + found.lastIndexOf('\n') + 1;
    }
    at += found.length;
  }
  return tokens;
}

function included(quoted: string, span: SourceSpan, including: Including, depth: number): Token[] {
  const path = quoted.replaceAll(/^['"]+|['"]+$/g, '');
  const refuse = (summary: string, hint: string): Malformed =>
    new Malformed(finding('capirca-include', summary, hint, span));
  if (depth === 0)
    throw refuse(`files include each other more than ${maxIncludes} deep`, 'include it where it is needed');
  if (path.startsWith('/') || path.split(/[/\\]/).includes('..'))
    throw refuse(`\`${path}\` leads out of the folder`, 'include files below it');
  const inner = including(path);
  if (!inner) throw refuse(`there is no \`${path}\``, 'say with --includes in which folder it is');
  return readTokens(inner.text, inner.file, including, depth - 1);
}

/**
 *   header { target:: … } term NAME { keyword:: values … } term … header …
 */
class PolicyReader {
  private at = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly file: string,
  ) {}

  filters(): FilterSource[] {
    const filters: FilterSource[] = [];
    while (this.at < this.tokens.length) {
      const { span } = this.expect('header');
      const targets = this.fields().flatMap(({ keyword, values }): Target[] => {
        const [platform, ...options] = values;
        return keyword === 'target' && platform !== undefined ? [{ platform, options }] : [];
      });
      const terms: TermSource[] = [];
      while (this.tokens[this.at]?.text === 'term') terms.push(this.term());
      if (terms.length === 0) throw malformed(span, 'no term follows the header');
      filters.push({ span, targets, terms });
    }
    if (filters.length === 0)
      throw malformed({ file: this.file, line: 1, column: 1 }, 'there is no header in the file');
    return filters;
  }

  private term(): TermSource {
    const { span } = this.expect('term');
    const name = this.tokens[this.at++];
    if (name?.kind !== 'word') throw malformed(span, 'the term has no name');
    return { name: name.text, span, fields: this.fields() };
  }

  /** In braces. A word with `::` behind it begins the next field. */
  private fields(): TermField[] {
    this.expect('{');
    const fields: TermField[] = [];
    for (;;) {
      const token = this.tokens[this.at++];
      if (!token) throw malformed(this.end, 'a `{` has no `}`');
      if (token.text === '}') return fields;
      if (token.kind !== 'word' || !this.skipColons())
        throw malformed(token.span, `\`${token.text}\` is no keyword with \`::\``);
      const values: string[] = [];
      while (!this.isEndOfField()) values.push(valueOf(this.tokens[this.at++]!));
      if (values.length === 0) throw malformed(token.span, `nothing stands behind \`${token.text}::\``);
      fields.push({ keyword: token.text, values, span: token.span });
    }
  }

  private isEndOfField(): boolean {
    const [token, next, second] = this.tokens.slice(this.at, this.at + 3);
    if (!token || token.text === '}') return true;
    return token.kind === 'word' && (next?.text === '::' || (next?.text === ':' && second?.text === ':'));
  }

  private skipColons(): boolean {
    const [one, two] = this.tokens.slice(this.at, this.at + 2);
    const length = one?.text === '::' ? 1 : one?.text === ':' && two?.text === ':' ? 2 : 0;
    this.at += length;
    return length > 0;
  }

  private expect(text: string): Token {
    const token = this.tokens[this.at++];
    if (token?.text !== text) throw malformed(token?.span ?? this.end, `\`${text}\` is expected here`);
    return token;
  }

  private get end(): SourceSpan {
    return this.tokens.at(-1)?.span ?? { file: this.file, line: 1, column: 1 };
  }
}

const valueOf = ({ kind, text }: Token): string => (kind === 'text' ? text.slice(1, -1).replaceAll('\\"', '"') : text);
