import { renderCiscoAces, type AclEntry, type Family } from '#net';
import { ciscoAvPairAttribute } from '../build.js';
import type { AclForm } from './acl-form.js';
import { parseCiscoAces } from './parse-cisco-aces.js';

/** The list of one family as AV pairs, numbered and closed by its own deny: one without permits is closed, not unfiltered. */
export function renderAceList(entries: readonly AclEntry[], family: Family): string[] {
  const aces = entries
    .filter((entry) => entry.family === family)
    .flatMap((entry) => {
      const lines = renderCiscoAces(entry);
      if (!lines) throw new TypeError(`inconsistent ACL entry: ${entry.action} ${entry.protocol}`);
      return lines;
    });
  const [list, deny] = family === 4 ? ['ip:inacl', 'deny ip any any'] : ['ipv6:inacl', 'deny ipv6 any any'];
  return [...aces, deny].map((ace, i) => `${list}#${i + 1}=${ace}`);
}

export const inlineAces: AclForm = {
  summary: 'each entry inline as `ip:inacl#n=` and `ipv6:inacl#n=`',
  carriesEntries: true,
  carriers: ['ip:inacl', 'ipv6:inacl'],
  renderEntry: renderCiscoAces,
  render: ({ entries }) =>
    ([4, 6] as const).flatMap((family) => renderAceList(entries, family)).map(ciscoAvPairAttribute),
  read: parseCiscoAces,
};
