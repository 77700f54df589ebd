import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** What the title of a test says. */
export interface Statement {
  /** `RFC 5080 §2.2.2`. */
  readonly clause: string;
  readonly text: string;
  readonly file: string;
  /** As it stands in the source. */
  readonly title: string;
}

const clauses = /^(RFC \d+ §\d+(?:\.\d+)*|CVE-2024-3596|Pitfall \d+): (.+)$/;

/** All titles in this folder, by file and in order. */
export function titlesHere(): Map<string, string[]> {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.e2e.ts'));
  return new Map(files.sort().map((file) => [file, titlesIn(readFileSync(join(import.meta.dirname, file), 'utf8'))]));
}

/** First arguments of `it(…)` and `it.each(…)(…)`. */
export function titlesIn(text: string): string[] {
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isTest(node.expression)) {
      const [title] = node.arguments;
      titles.push(title && ts.isStringLiteralLike(title) ? title.text : '');
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('test.ts', text, ts.ScriptTarget.Latest));
  return titles;
}

function isTest(called: ts.Expression): boolean {
  if (ts.isIdentifier(called)) return called.text === 'it';
  return (
    ts.isCallExpression(called) &&
    ts.isPropertyAccessExpression(called.expression) &&
    isTest(called.expression.expression)
  );
}

/** Null: the title does not quote a clause. */
export function statementOf(title: string, file: string): Statement | null {
  const match = clauses.exec(title);
  if (!match) return null;
  const text = match[2]!.replace(/(?:: %[sij]| \([^()]*%[sij]\))$/, '').replaceAll(/%[sij]/g, '…');
  return { clause: match[1]!, text, file, title };
}

const inParts = (clause: string): number[] => (clause.match(/\d+/g) ?? []).map(Number);

/** By document and clause; pitfalls and the like come last. */
export function compareClauses(a: Statement, b: Statement): number {
  const rank = ({ clause }: Statement): number => (clause.startsWith('RFC') ? 0 : clause.startsWith('CVE') ? 1 : 2);
  const [x, y] = [inParts(a.clause), inParts(b.clause)];
  const at = x.findIndex((part, i) => part !== y[i]);
  return rank(a) - rank(b) || (at < 0 ? x.length - y.length : x[at]! - (y[at] ?? -1));
}

export function tableOf(statements: readonly Statement[]): string {
  const escaped = (text: string): string => text.replaceAll('|', '\\|');
  const rows = statements.map(({ clause, text, file }) => `| ${clause} | ${escaped(text)} | \`${file}\` |`);
  return ['| clause | statement | test |', '| --- | --- | --- |', ...rows].join('\n');
}
