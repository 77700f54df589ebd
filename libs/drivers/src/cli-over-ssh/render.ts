import { compareText } from '#base';
import type { NamedList } from '#model';
import { families, finalDenies, type Family } from '#net';
import type { Make } from './make.js';

/** Numbers leave room between entries, so that what a hand took out can be put back without moving others. */
const numberStep = 10;

/**
 * The whole artefact: configuration of every list, in order of name, for each family a list that ends in a deny of everything.
 * An entry that is there already says nothing more, and IOS XE would not take it.
 */
export function render(make: Make, lists: readonly NamedList[]): string {
  const sorted = [...lists].sort((a, b) => compareText(a.name, b.name));
  return sorted.flatMap((list) => families.map((family) => renderList(make, list, family))).join('');
}

function renderList(make: Make, { name, entries }: NamedList, family: Family): string {
  const of = [...entries, ...finalDenies()].filter((entry) => entry.family === family);
  const aces = [...new Set(of.flatMap((entry) => make.renderEntry(entry)))];
  const lines = aces.map((ace, i) => make.entryLine(family, numberStep * (i + 1), ace));
  return `${[make.head({ family, name: make.listName(name, family) }), ...lines].join('\n')}\n`;
}
