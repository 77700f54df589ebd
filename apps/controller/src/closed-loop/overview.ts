import type { AuthenticationMethod, Convergence, Delivery, DevicePosture, Orders } from '#model';
import type { EnforcementLoop } from '../enforcement/enforcement-loop.js';
import { governingPolicy, type EnforcedPolicy } from '../enforcement/generations.js';
import { deviceUnderOrders } from '../orders/order-store.js';
import { grantOf } from '../sessions/resolve-principal.js';
import type { Database } from '../store/database.js';
import { enforcementStates, verdictOf, type EnforcementState } from './verdict.js';

export const overviewKeys = ['site', 'class', 'nas'] as const;
export type OverviewKey = (typeof overviewKeys)[number];

/** Open sessions of one site, class or switch, by what the network does with them. */
export type OverviewRow = { readonly key: string; readonly total: number } & Readonly<Record<EnforcementState, number>>;

interface Group {
  readonly site: string;
  readonly nas: string;
  readonly method: AuthenticationMethod;
  readonly class: string | null;
  readonly posture: DevicePosture | null;
  readonly segment: string;
  readonly vlan: number;
  readonly role: string;
  readonly convergence: Convergence['state'];
  readonly delivery: Delivery['state'];
  readonly isRefused: number;
  readonly strays: number;
  readonly since: string;
  readonly count: number;
}

interface Judged {
  readonly enforced: EnforcedPolicy | null;
  readonly orders: Orders;
  /** A point that has read its ports found what the switch was told: it would not be in sync otherwise. */
  readonly points: Pick<EnforcementLoop, 'portsReadAt'>;
}

/** Sessions that are alike are judged once: of fifty thousand there are some hundred kinds. */
const groupsQuery = `SELECT s.site, s.nas, s.method, d.class, d.posture, s.segment,
    json_extract(s.document, '$.vlan') AS vlan, json_extract(s.document, '$.role') AS role,
    json_extract(s.document, '$.convergence.state') AS convergence, json_extract(s.document, '$.delivery.state') AS delivery,
    json_extract(s.document, '$.lastCoa.outcome') = 'nak' AS isRefused,
    json_array_length(s.document, '$.strayAddresses') AS strays,
    substr(json_extract(s.document, '$.convergence.since'), 1, 16) AS since, count(*) AS count
  FROM session s LEFT JOIN device d ON d.mac = s.mac WHERE s.state = 'open'
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, CASE WHEN strays > 0 THEN since END`;

/**
 * How much of what was decided the network does. Orders for single devices are not looked at here, so a device for which the glass
 * is broken counts by its record; the page of its session is exact.
 */
export async function enforcementOverview(
  database: Database,
  state: Judged,
  by: OverviewKey,
  now: Date,
): Promise<OverviewRow[]> {
  const groups = await database.read((db) => db.query<Group[]>(groupsQuery));
  const rows = new Map<string, { total: number } & Record<EnforcementState, number>>();
  for (const group of groups) {
    const key = by === 'class' ? (group.class ?? 'unknown') : group[by];
    let row = rows.get(key);
    if (!row) rows.set(key, (row = { total: 0, pending: 0, enforced: 0, refused: 0, diverged: 0, unknown: 0 }));
    row.total += group.count;
    row[stateOf(group, state, now)] += group.count;
  }
  return [...rows].map(([key, row]) => ({ key, ...row })).sort((a, b) => (a.key < b.key ? -1 : 1));
}

function stateOf(group: Group, { enforced, orders, points }: Judged, now: Date): EnforcementState {
  const { site, method, nas, vlan, isRefused, strays } = group;
  const device = deviceUnderOrders(orders, '', { class: group.class, posture: group.posture });
  const snapshot = enforced && governingPolicy(enforced, site, '');
  const since = `${group.since}:00.000Z`;
  const evidence = {
    segment: group.segment,
    vlan,
    role: group.role,
    convergence: { state: group.convergence, since, reason: null },
    delivery: { state: group.delivery, since, reason: null },
    isRefused: isRefused === 1,
    strayAddresses: Array.from({ length: strays }, () => ''),
  };
  const readBack = points.portsReadAt(nas) ? vlan : null;
  return verdictOf(evidence, snapshot && grantOf(snapshot, { site, method, ...device }), readBack, now).state;
}

export const sumOf = (rows: readonly OverviewRow[]): Record<EnforcementState, number> =>
  Object.fromEntries(
    enforcementStates.map((state) => [state, rows.reduce((sum, row) => sum + row[state], 0)]),
  ) as Record<EnforcementState, number>;
