import { failure, type Diagnostic } from '#base';
import { renderCiscoAces } from '#net';
import { ciscoAvPairAttribute } from '../build.js';
import { readCiscoAvPairs } from '../attributes.js';
import type { AclForm, PortAcl } from './acl-form.js';
import { renderAceList } from './cisco-aces.js';
import { filterName } from './filter-name.js';
import { parseCiscoAces } from './parse-cisco-aces.js';
import type { NasProfile } from './profile.js';
import { missingAcl } from './words.js';

const nameKey = 'ACS:CiscoSecure-Defined-ACL=';

/** A list that a switch fetches by its name. */
export interface DownloadableAcl {
  readonly name: string;
  /** `ip:inacl#1=…`, in order. */
  readonly pairs: readonly string[];
}

/**
 * The IPv4 half of an ACL under the name by which the switch asks for it. The last part of the name is its version: a hash of the
 * content, so that what was fetched under a name stays true for ever.
 */
export function downloadableAcl({ role, entries }: PortAcl): DownloadableAcl {
  const v4 = entries.filter(({ family }) => family === 4);
  return { name: `#ACSACL#-IP-${filterName({ role, entries: v4 })}`, pairs: renderAceList(v4, 4) };
}

/**
 * The reply names the IPv4 list, and the switch fetches it with a second Access-Request. IPv6 goes inline: of a name for lists of
 * IPv6 no document was found.
 */
export const downloadableAces: AclForm = {
  summary: 'IPv4 by name (`#ACSACL#-IP-…`), fetched by the switch; IPv6 inline as `ipv6:inacl#n=`',
  carriesEntries: true,
  carriers: ['CiscoSecure-Defined-ACL', 'ipv6:inacl'],
  renderEntry: renderCiscoAces,
  render: (acl) =>
    [`${nameKey}${downloadableAcl(acl).name}`, ...renderAceList(acl.entries, 6)].map(ciscoAvPairAttribute),
  read(attributes, intended) {
    const names = readCiscoAvPairs(attributes).filter((pair) => pair.startsWith(nameKey));
    if (names.length === 0) return failure([missingAcl(`\`${nameKey}\``)]);
    const { name, pairs } = downloadableAcl(intended);
    if (names.length > 1 || names[0] !== nameKey + name) return failure([wrongName(names)]);
    // What the switch would fetch under that name stands in for the name.
    return parseCiscoAces([...pairs.map(ciscoAvPairAttribute), ...attributes]);
  },
};

/** Whether switches of this make fetch lists by name. */
export const takesDownloads = (profile: NasProfile | null): boolean =>
  profile?.aclForms.includes(downloadableAces) ?? false;

function wrongName(names: readonly string[]): Diagnostic {
  const summary = `\`${names.join('`, `')}\` does not name this ACL`;
  return { severity: 'error', code: 'bad-filter-name', summary, hint: 'the name is not one that Cordon writes' };
}
