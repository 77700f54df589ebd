import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tokenRoles } from '../store/rows.js';
import { actions, Permissions, resources, type Caller } from './permissions.js';

const guide = readFileSync(join(import.meta.dirname, '../../../../docs/security.md'), 'utf8');
const namesIn = (cell: string): string[] =>
  cell
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
/** Rows of the table of roles. */
const rows = new Map(
  [...guide.matchAll(/^\| `(\w+)` *\| ([^|]*)\| ([^|]*)\|$/gm)].map(
    ([, role = '', sees = '', changes = '']) => [role, { read: namesIn(sees), write: namesIn(changes) }] as const,
  ),
);

describe('the roles of docs/security.md', () => {
  it('are all that there are', () => {
    expect([...rows.keys()].sort()).toEqual([...tokenRoles, 'bridge'].sort());
  });

  it.each([...tokenRoles, 'bridge'] as const)('say of `%s` what it may', async (role: Caller['role']) => {
    const permissions = await Permissions.load();
    for (const action of actions) {
      const allowed = resources.filter((resource) => permissions.isAllowed({ name: 'x', role }, [resource, action]));
      expect(rows.get(role)?.[action].toSorted()).toEqual(allowed.toSorted());
    }
  });
});
