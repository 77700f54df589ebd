import type { SourceSpan } from '#base';

/** What follows a keyword of a term, and where. */
export interface TermField {
  readonly keyword: string;
  readonly values: readonly string[];
  readonly span: SourceSpan;
}

/** A term as it is written. */
export interface TermSource {
  readonly name: string;
  readonly span: SourceSpan;
  /** In order; a keyword may come again. */
  readonly fields: readonly TermField[];
}

/** For which kind of device a filter is written: `juniper edge-inbound inet`. */
export interface Target {
  readonly platform: string;
  readonly options: readonly string[];
}

/** A header and its terms: the first term that matches a packet decides. */
export interface FilterSource {
  readonly span: SourceSpan;
  readonly targets: readonly Target[];
  readonly terms: readonly TermSource[];
}

/** Words of targets that are no name. */
const noNames = new Set(['inet', 'inet6', 'mixed', 'from-zone']);

/** By what its targets call it: the first word of their options, or all of them. */
export const namesOfFilter = ({ targets }: Pick<FilterSource, 'targets'>): string[] => [
  ...new Set(
    targets.flatMap(({ options: [first, ...more] }) => {
      if (first === undefined) return [];
      const all = [first, ...more].join(' ');
      return noNames.has(first) ? [all] : [first, all];
    }),
  ),
];
