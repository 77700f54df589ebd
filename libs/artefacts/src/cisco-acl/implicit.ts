import { protocols, serviceKey, type Family } from '#net';
import { allOf, type Filter, type FilterLine } from '../filter.js';

const icmp6Type = (type: number) => ({
  first: serviceKey(protocols.icmp6, type),
  last: serviceKey(protocols.icmp6, type),
});

/**
 * What IOS XE adds to every list: Cisco IOS IPv6 Command Reference, `ipv6 access-list`, usage guidelines: "implicit permit
 * icmp any any nd-na, permit icmp any any nd-ns, and deny ipv6 any any". An explicit deny of all before them overrides them.
 */
export function implicitLines(family: Family): Filter {
  const deny = { permits: false, matches: [allOf(family)], at: null, text: `implicit deny of IPv${family}` };
  if (family === 4) return [deny];
  const discovery = {
    permits: true,
    matches: [{ family, services: [icmp6Type(135), icmp6Type(136)] }],
    at: null,
    text: 'implicit permit of nd-ns and nd-na',
  };
  return [discovery, deny];
}

/** A family for which there is no list is not filtered. */
export function unfiltered(family: Family, why: string): FilterLine {
  return { permits: true, matches: [allOf(family)], at: null, text: `${why}: IPv${family} is not filtered` };
}
