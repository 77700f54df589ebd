import { compareDiagnostics, type Diagnostic } from '#base';

/**
 * Findings of the new policy that the old one does not have, by code and text. Line numbers in the text don't count: a line
 * added above moves every finding below it. A finding that is there twice now and was there once is new once.
 */
export function newFindings(before: readonly Diagnostic[], after: readonly Diagnostic[]): Diagnostic[] {
  const known = new Map<string, number>();
  for (const finding of before) known.set(keyOf(finding), (known.get(keyOf(finding)) ?? 0) + 1);
  const fresh = [...after].sort(compareDiagnostics).filter((finding) => {
    const left = known.get(keyOf(finding)) ?? 0;
    known.set(keyOf(finding), left - 1);
    return left <= 0;
  });
  return fresh;
}

const keyOf = ({ code, summary }: Diagnostic): string =>
  `${code} ${summary.replaceAll(/((?:csv|yaml|yml|conf)):\d+(?::\d+)?/g, '$1')}`;
