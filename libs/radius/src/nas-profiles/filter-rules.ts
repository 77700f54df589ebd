import { formatPrefix, isConsistentEntry, isIcmpEntry, protocols, type AclEntry, type Interval } from '#net';
import { concatenatedAttributes } from '../build.js';
import { types } from '../dictionary.js';
import type { AclForm } from './acl-form.js';
import { parseNasFilterRules } from './parse-filter-rules.js';

const names: ReadonlyMap<number, string> = new Map([
  [protocols.icmp, 'icmp'],
  [protocols.tcp, 'tcp'],
  [protocols.udp, 'udp'],
]);

const ports = (range: Interval<number> | null): string =>
  range === null ? '' : ` ${range.first === range.last ? range.first : `${range.first}-${range.last}`}`;

/**
 * One IPFilterRule (RFC 6733 §4.3.1). `in` is from the terminal. A family's "any" is written as its zero prefix, since `any`
 * means both families: `permit in 6 from any to 0.0.0.0/0 443` opens nothing in IPv6. ICMPv6 types go by `icmptypes`, too.
 */
export function renderFilterRule(entry: AclEntry): string | null {
  if (!isConsistentEntry(entry)) return null;
  const { action, family, protocol, sourcePorts, destination, destinationPorts } = entry;
  const name = protocol === null ? 'ip' : (names.get(protocol) ?? `${protocol}`);
  const to = destination ? formatPrefix(destination) : family === 4 ? '0.0.0.0/0' : '::/0';
  const icmp = isIcmpEntry(entry);
  const options = icmp && destinationPorts ? ` icmptypes${ports(destinationPorts)}` : '';
  const established = entry.established ? ' established' : '';
  const rule = `${action} in ${name} from any${ports(sourcePorts)} to ${to}${icmp ? '' : ports(destinationPorts)}`;
  return rule + options + established;
}

/** Closes both families. */
const lastRule = 'deny in ip from any to any';

/** RFC 4849 §2: rules are separated by 0x00 and run on from one attribute into the next. */
export const filterRules: AclForm = {
  summary: 'each entry in NAS-Filter-Rule (RFC 4849)',
  carriesEntries: true,
  carriers: ['NAS-Filter-Rule'],
  renderEntry(entry) {
    const rule = renderFilterRule(entry);
    return rule === null ? null : [rule];
  },
  render({ entries }) {
    const rules = entries.map((entry) => {
      const rule = renderFilterRule(entry);
      if (rule === null)
        throw new TypeError(`inconsistent ACL entry: ${JSON.stringify(entry.action)} ${entry.protocol}`);
      return rule;
    });
    return concatenatedAttributes(types.nasFilterRule, Buffer.from([...rules, lastRule].join('\0'), 'ascii'));
  },
  read: parseNasFilterRules,
};
