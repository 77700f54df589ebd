import { success, type Result } from '#base';
import type { AclEntry } from '#net';
import { filterRules, readConcatenated, types } from '#radius';

/** What an Access-Accept of profile `rfc` carries, one rule a line: the very bytes, not a second writer. */
export function render(acl: readonly AclEntry[]): Result<string> {
  const bytes =
    readConcatenated(filterRules.render({ role: '', entries: acl }), types.nasFilterRule) ?? Buffer.alloc(0);
  return success(`${bytes.toString('ascii').replaceAll('\0', '\n')}\n`);
}
