import { success, type Result } from '#base';
import { families, renderCiscoAces, type AclEntry } from '#net';

/**
 * Two named lists as they stand in a running-config, one for each family: `NAME` and `NAME-V6`, since IOS XE has one name space
 * for both. Numbered in tens, as IOS XE does it, and each ends in a deny of its own.
 */
export function render(acl: readonly AclEntry[], name: string): Result<string> {
  const lists = families.map((family) => {
    const entries = acl.filter((entry) => entry.family === family).flatMap((entry) => renderCiscoAces(entry) ?? []);
    const [head, deny] =
      family === 4 ? ['ip access-list extended', 'deny ip any any'] : ['ipv6 access-list', 'deny ipv6 any any'];
    const title = `${head} ${name}${family === 4 ? '' : '-V6'}`;
    const number = (i: number): string => (family === 4 ? `${10 * (i + 1)}` : `sequence ${10 * (i + 1)}`);
    return [title, ...[...entries, deny].map((ace, i) => ` ${number(i)} ${ace}`), '!'].join('\n');
  });
  return success(`${lists.join('\n')}\n`);
}
