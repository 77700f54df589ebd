import { TerminalFault } from '../driver.js';
import type { PortChange, PortRow } from './session.js';

/** Our mark on a port: key of `external_ids`. Its value is the VLAN, for people. */
const mark = 'cordon-vlan';

type Json = Readonly<Record<string, unknown>>;
const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The operations (RFC 7047 §5.2) that read all ports of a bridge. */
export const portQuery = (bridge: string): Json[] => [
  { op: 'select', table: 'Bridge', where: [['name', '==', bridge]], columns: ['ports'] },
  { op: 'select', table: 'Port', where: [], columns: ['_uuid', 'name', 'tag', 'vlan_mode', 'external_ids'] },
];

/** Of their results. */
export function readPorts(bridge: string, [bridges, ports]: readonly unknown[]): PortRow[] {
  const [row] = rowsOf(bridges);
  if (!row)
    throw new TerminalFault(`there is no bridge \`${bridge}\` in the switch: check option \`bridge\` of the point`);
  const own = new Set(setOf(row['ports']).map(String));
  return rowsOf(ports)
    .filter((port) => own.has(String(port['_uuid'])))
    .map((port) => {
      const [tag] = setOf(port['tag']);
      const [mode] = setOf(port['vlan_mode']);
      return {
        name: String(port['name']),
        tag: typeof tag === 'number' ? tag : null,
        mode: typeof mode === 'string' ? mode : null,
        isOurs: keysOf(port['external_ids']).includes(mark),
      };
    });
}

/** Changes ports that are still as they were; of a port's other columns, and of the ids of others, nothing is touched. */
export const portOperations = (changes: readonly PortChange[]): Json[] =>
  changes.flatMap(({ before, after }) => {
    const where = [['name', '==', after.name]];
    const settings = (row: PortRow): Json => ({ tag: optional(row.tag), vlan_mode: optional(row.mode) });
    const isSame = before.tag === after.tag && before.mode === after.mode;
    return [
      {
        op: 'wait',
        table: 'Port',
        timeout: 0,
        where,
        columns: ['tag', 'vlan_mode'],
        until: '==',
        rows: [settings(before)],
      },
      ...(isSame ? [] : [{ op: 'update', table: 'Port', where, row: settings(after) }]),
      {
        op: 'mutate',
        table: 'Port',
        where,
        mutations: [
          ['external_ids', 'delete', ['set', [mark]]],
          ...(after.isOurs ? [['external_ids', 'insert', ['map', [[mark, String(after.tag)]]]]] : []),
        ],
      },
    ];
  });

/** A value, or the empty set. */
const optional = (value: string | number | null): unknown => value ?? ['set', []];

export function rowsOf(result: unknown): Json[] {
  const rows = isRecord(result) ? result['rows'] : null;
  if (!Array.isArray(rows) || !rows.every(isRecord))
    throw new TerminalFault("the switch's database gives no rows where rows were asked for");
  return rows;
}

/** RFC 7047 §5.1: a set of one is its element. */
function setOf(value: unknown): unknown[] {
  if (!Array.isArray(value) || value[0] !== 'set') return value === undefined ? [] : [value];
  return Array.isArray(value[1]) ? value[1] : [];
}

function keysOf(value: unknown): unknown[] {
  const pairs: unknown = Array.isArray(value) && value[0] === 'map' ? value[1] : [];
  return Array.isArray(pairs) ? pairs.map((pair: unknown) => (Array.isArray(pair) ? (pair[0] as unknown) : null)) : [];
}
