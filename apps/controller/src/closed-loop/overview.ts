import { unknownClass, type Orders } from '#model';
import type { EnforcementLoop } from '../enforcement/enforcement-loop.js';
import { governingPolicy, type EnforcedPolicy } from '../enforcement/generations.js';
import { deviceUnderOrders } from '../orders/order-store.js';
import { grantOf } from '../sessions/resolve-principal.js';
import type { Known, LiveSessions } from '../sessions/live-sessions.js';
import { enforcementStates, evidenceOf, verdictOf, type EnforcementState } from './verdict.js';

export const overviewKeys = ['site', 'class', 'nas'] as const;
export type OverviewKey = (typeof overviewKeys)[number];

/** Open sessions of one site, class or switch, by what the network does with them. */
export type OverviewRow = { readonly key: string; readonly total: number } & Readonly<Record<EnforcementState, number>>;

interface Judged {
  readonly enforced: EnforcedPolicy | null;
  readonly orders: Orders;
  /** A point that has read its ports found what the switch was told: it would not be in sync otherwise. */
  readonly points: Pick<EnforcementLoop, 'portsReadAt'>;
}

/** Going through fifty thousand at once would hold up everybody else. */
const atOnce = 2000;

/** How much of what was decided the network does. */
export async function enforcementOverview(
  sessions: Pick<LiveSessions, 'reports'>,
  state: Judged,
  by: OverviewKey,
  now: Date,
): Promise<OverviewRow[]> {
  const rows = new Map<string, { total: number } & Record<EnforcementState, number>>();
  let seen = 0;
  for (const each of await sessions.reports()) {
    if (++seen % atOnce === 0) await new Promise((resolve) => setImmediate(resolve));
    const { live } = each;
    const key = by === 'class' ? (live.class ?? unknownClass) : live[by];
    let row = rows.get(key);
    if (!row) rows.set(key, (row = { total: 0, pending: 0, enforced: 0, refused: 0, diverged: 0, unknown: 0 }));
    row.total++;
    row[stateOf(each, state, now)]++;
  }
  return [...rows].map(([key, row]) => ({ key, ...row })).sort((a, b) => (a.key < b.key ? -1 : 1));
}

function stateOf({ session, live }: Known, { enforced, orders, points }: Judged, now: Date): EnforcementState {
  const { mac, site, method, nas, vlan } = live;
  const device = deviceUnderOrders(orders, mac, { class: live.class, posture: live.posture });
  const snapshot = enforced && governingPolicy(enforced, site, mac);
  const readBack = points.portsReadAt(nas) ? vlan : null;
  return verdictOf(evidenceOf(session), snapshot && grantOf(snapshot, { site, method, ...device }), readBack, now)
    .state;
}

export const sumOf = (rows: readonly OverviewRow[]): Record<EnforcementState, number> =>
  Object.fromEntries(
    enforcementStates.map((state) => [state, rows.reduce((sum, row) => sum + row[state], 0)]),
  ) as Record<EnforcementState, number>;
