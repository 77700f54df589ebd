import { success, type Result } from '#base';
import { formatPrefix, type AclEntry, type Interval } from '#net';

const names: ReadonlyMap<number, string> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
]);

/** With `HP-NAS-Rules-IPv6 = 1`, without which the switch drops all IPv6; a family's "any" is its zero prefix. */
export function render(acl: readonly AclEntry[]): Result<string> {
  const rules = acl.map(({ action, family, protocol, destination, destinationPorts }) => {
    const what = protocol === null ? 'ip' : (names.get(protocol) ?? `${protocol}`);
    const to = destination ? formatPrefix(destination) : family === 4 ? '0.0.0.0/0' : '::/0';
    return `${action} in ${what} from any to ${to}${ports(destinationPorts)}`;
  });
  const lines = [...rules, 'deny in ip from any to any'].map((rule) => `NAS-Filter-Rule += "${rule}"`);
  return success(`HP-NAS-Rules-IPv6 = 1\n${lines.join('\n')}\n`);
}

function ports(range: Interval<number> | null): string {
  if (!range) return '';
  return range.first === range.last ? ` ${range.first}` : ` ${range.first}-${range.last}`;
}
