import { failure, success, type Result } from '#base';
import { formatPrefix, type AclEntry, type Interval } from '#net';

/** A filter takes no more conditions than this, all terms together. */
const mostConditions = 20;

/**
 * The IPv4 half of an ACL, one attribute a line: `Match Ip-protocol 6, Destination-ip 10.1.0.0/16, Destination-port 443 Action
 * allow`. Every term names Destination-ip, which keeps it to IPv4. A term takes one port, so a range is many terms.
 */
export function render(acl: readonly AclEntry[]): Result<string> {
  const terms = acl.filter(({ family }) => family === 4).flatMap(termsOf);
  const all = [...terms, { conditions: ['Destination-ip 0.0.0.0/0'], action: 'deny' }];
  const count = all.reduce((sum, { conditions }) => sum + conditions.length, 0);
  if (count > mostConditions) {
    const summary = `the filter would need ${count} match conditions, a switch takes ${mostConditions}`;
    const hint = 'allow prefixes instead of single addresses, or whole protocols instead of port ranges';
    return failure([{ severity: 'error', code: 'not-expressible', summary, hint }]);
  }
  const lines = all.map(({ conditions, action }) => `Match ${conditions.join(', ')} Action ${action}`);
  return success(`${lines.map((term) => `Juniper-Switching-Filter += "${term}"`).join('\n')}\n`);
}

interface Term {
  readonly conditions: readonly string[];
  readonly action: string;
}

function termsOf({ action, protocol, sourcePorts, destination, destinationPorts }: AclEntry): Term[] {
  const head = [
    ...(protocol === null ? [] : [`Ip-protocol ${protocol}`]),
    `Destination-ip ${destination ? formatPrefix(destination) : '0.0.0.0/0'}`,
  ];
  return singles(sourcePorts).flatMap((from) =>
    singles(destinationPorts).map((to) => ({
      conditions: [
        ...head,
        ...(from === null ? [] : [`Source-port ${from}`]),
        ...(to === null ? [] : [`Destination-port ${to}`]),
      ],
      action: action === 'permit' ? 'allow' : 'deny',
    })),
  );
}

/** No more of a range than shows that it is too much. */
function singles(range: Interval<number> | null): (number | null)[] {
  if (!range) return [null];
  const length = Math.min(range.last - range.first + 1, mostConditions);
  return Array.from({ length }, (_, i) => range.first + i);
}
