import { success, type Result } from '#base';
import type { AclEntry } from '#net';
import { inlineAces, readCiscoAvPairs } from '#radius';

/** What an Access-Accept of profile `cisco-ios-xe` carries, one AVPair a line: the very bytes, not a second writer. */
export function render(acl: readonly AclEntry[]): Result<string> {
  const pairs = readCiscoAvPairs(inlineAces.render({ role: '', entries: acl }));
  return success(`${pairs.join('\n')}\n`);
}
