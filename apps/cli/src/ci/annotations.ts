import type { Diagnostic } from '#base';

/** GitHub shows no more of one step. */
const mostShown = 10;

/**
 * Errors as commands of a runner (`::error …`), which GitHub shows at their line in the change. `root` stands before each file: where the
 * policy is in the repository. What a text has that would end a command or begin another one is escaped, as @actions/core does.
 */
export function annotations(diagnostics: readonly Diagnostic[], root: string): readonly string[] {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  return errors.slice(0, mostShown).map(({ code, summary, hint, span }) => {
    const place = span ? { file: `${root}${span.file}`, line: span.line, col: span.column } : {};
    const properties = Object.entries({ ...place, title: code }).map(([name, value]) => `${name}=${property(value)}`);
    return `::error ${properties.join(',')}::${data(`${summary}\n${hint}`)}`;
  });
}

const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

const property = (value: string | number): string => data(String(value)).replaceAll(':', '%3A').replaceAll(',', '%2C');
