import { failure, success } from '#base';
import { isConsistentEntry, finalDenies } from '#net';
import { readAll } from '../attributes.js';
import { textAttribute } from '../build.js';
import { types } from '../dictionary.js';
import type { AclForm } from './acl-form.js';
import { renderFilterRule } from './filter-rules.js';
import { filterName, hashOfAcl } from './filter-name.js';
import { missingAcl } from './words.js';

/**
 * Filter-Id (RFC 2865 §5.11): the reply carries only the name of a list that must be on the switch. `decorate` says how the make
 * writes such names, one for each Filter-Id.
 *
 * INVARIANT: the name holds the hash of the ACL. What the switch does when it does not know the name is the switch's: docs/
 * nas-profiles.md says it where it is known.
 */
export function namedFilter(summary: string, decorate: (name: string) => readonly string[]): AclForm {
  return {
    summary,
    carriesEntries: false,
    carriers: ['Filter-Id'],
    renderEntry(entry) {
      const rule = isConsistentEntry(entry) ? renderFilterRule(entry) : null;
      return rule === null ? null : [rule];
    },
    render: (acl) => decorate(filterName(acl)).map((name) => textAttribute(types.filterId, name)),
    read(attributes, intended) {
      const found = readAll(attributes, types.filterId).map((value) => value.toString('latin1'));
      if (found.length === 0) return failure([missingAcl('Filter-Id')]);
      // Not by rendering again: the hash in each name is looked at, and what is left must be the decoration.
      const hash = hashOfAcl(intended.entries);
      const head = `cordon-${intended.role.slice(0, 20)}-`;
      const bare = found.map((name) => name.replace(`${head}${hash}`, '{name}'));
      const wanted = decorate('{name}');
      if (bare.length === wanted.length && bare.every((name, i) => name === wanted[i]))
        return success([...intended.entries, ...finalDenies()]);
      const summaryOfFault = `Filter-Id \`${found.join(', ')}\` does not name this ACL, whose hash is ${hash}`;
      return failure([
        { severity: 'error', code: 'bad-filter-name', summary: summaryOfFault, hint: 'the name is not Cordon’s' },
      ]);
    },
  };
}
