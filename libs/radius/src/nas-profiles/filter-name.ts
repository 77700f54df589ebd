import { sha256 } from '#base';
import { formatPrefix, type AclEntry, type Interval } from '#net';
import type { PortAcl } from './acl-form.js';

/** The shortest limit of the makes that take names is 47 characters. */
const mostOfRole = 20;
const hashDigits = 16;

const rangeText = (range: Interval<number> | null): string => (range ? `${range.first}-${range.last}` : '*');

/** All conditions of an entry, and no two entries alike. */
function lineOf({
  action,
  family,
  protocol,
  sourcePorts,
  destination,
  destinationPorts,
  established,
}: AclEntry): string {
  const to = destination && destination.length > 0 ? formatPrefix(destination) : '*';
  const ports = `${rangeText(sourcePorts)} ${rangeText(destinationPorts)}`;
  return `${action} ${family} ${protocol ?? '*'} ${to} ${ports} ${established ? 'established' : '*'}`;
}

/** Of the content, in order: a list with another line, or another order, has another one. */
export const hashOfAcl = (entries: readonly AclEntry[]): string =>
  sha256(['cordon acl 1', ...entries.map(lineOf)].join('\n')).slice(0, hashDigits);

/**
 * The name of a port ACL on a switch: `cordon-infusion-pump-4f2a91c0b3d75e68`. A changed ACL has another name, so a switch that
 * still has the old list only does not know the new name, and can't apply the old one under it.
 */
export const filterName = ({ role, entries }: PortAcl): string => `${headOf(role)}${hashOfAcl(entries)}`;

/** Whether it is the name of a port ACL of this class, or of one whose name begins alike. */
export const isFilterNameOf = (name: string, role: string): boolean =>
  name.length === headOf(role).length + hashDigits && name.startsWith(headOf(role));

const headOf = (role: string): string => `cordon-${role.slice(0, mostOfRole)}-`;
