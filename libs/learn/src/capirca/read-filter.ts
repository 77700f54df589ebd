import type { Diagnostic } from '#base';
import type { Family } from '#net';
import { finding } from './codes.js';
import type { Definitions } from './definitions.js';
import { namesOfFilter, type FilterSource, type TermSource } from './policy-file.js';
import { readTerm } from './read-term.js';
import { isInForce, type Filter, type NamedAddresses, type Term } from './term.js';

export interface FilterContext {
  readonly definitions: Definitions;
  readonly platform: string | null;
  /** Null: what the targets say. */
  readonly families: readonly Family[] | null;
  /** Who is before filters, and behind them; null: anybody. */
  readonly before: NamedAddresses | null;
  readonly behind: NamedAddresses | null;
  /** Terms to disregard, by name. */
  readonly skip: readonly string[];
  readonly at: Date;
}

export interface ReadFilter {
  readonly filter: Filter;
  readonly errors: readonly Diagnostic[];
  readonly notes: readonly Diagnostic[];
}

/** Terms that are over, and terms for another platform, are not in the filter any more. */
export function readFilter(source: FilterSource, context: FilterContext): ReadFilter {
  const { platform, definitions, before, behind } = context;
  const targets = source.targets.filter((target) => platform === null || target.platform === platform);
  const own = { ...source, targets };
  const name = namesOfFilter(own)[0] ?? targets[0]?.platform ?? 'filter';
  const notes: Diagnostic[] = [];
  const errors: Diagnostic[] = [];
  const said = familiesOf(own);
  const families = context.families ?? said ?? [4];
  if (!context.families && !said) {
    const summary = `the targets of \`${name}\` do not say of which IP versions it is: it counts as IPv4`;
    notes.push(finding('capirca-family', summary, 'say it with --ip 4, 6 or both', source.span));
  }
  if (targets.some(({ options }) => options.includes('ACCEPT'))) {
    const summary = `\`${name}\` lets pass what no term matches: that is not carried`;
    notes.push(
      finding('capirca-default-accept', summary, 'write an accepting term at its end, if it is meant', source.span),
    );
  }
  const isBetweenZones = targets.some(({ options }) => isOfZones(options)) && !(before && behind);
  const ignored = new Map<string, TermSource>();
  const terms = source.terms.flatMap((termSource): Term[] => {
    if (context.skip.includes(termSource.name)) return [];
    const read = readTerm(termSource, {
      filter: name,
      families,
      platform,
      definitions,
      before,
      behind,
      isBetweenZones,
    });
    errors.push(...read.errors);
    if (!read.term) return [];
    for (const word of read.ignored) if (!ignored.has(word)) ignored.set(word, termSource);
    if (isInForce(read.term, context.at)) return [read.term];
    const summary = `term \`${termSource.name}\` of \`${name}\` ended with ${read.term.until}`;
    notes.push(finding('capirca-expired', summary, 'nothing to do', termSource.span));
    return [];
  });
  for (const [word, { span }] of ignored)
    notes.push(finding('capirca-ignored', `\`${word}\` of \`${name}\` is not carried`, 'nothing to do', span));
  return { filter: { name, span: source.span, terms }, errors, notes };
}

/** `from-zone internal to-zone any`; zones of these two names are everywhere. */
function isOfZones(options: readonly string[]): boolean {
  const zones = options.flatMap((word, i) => (/^(from|to)-zone$/.test(word) ? (options[i + 1] ?? []) : []));
  return zones.some((zone) => zone !== 'any' && zone !== 'all');
}

/** All that any target says; null: none says any. */
function familiesOf({ targets }: FilterSource): readonly Family[] | null {
  const words = new Set(targets.flatMap(({ options }) => options));
  if (words.has('mixed') || (words.has('inet') && words.has('inet6'))) return [4, 6];
  if (words.has('inet6')) return [6];
  return words.has('inet') ? [4] : null;
}
