import type { Authentication } from '#model';
import type { Mac } from '#net';
import type { Snapshot } from '#policy';
import type { EntityManager } from 'typeorm';
import { readerOf } from '../store/many-rows.js';
import { contests, sessions, shownCertificates } from '../store/rows.js';
import { judgeAuthentications, judgeFingerprints, judgePorts, judgeVendors, type Finding } from './sightings.js';
import { SuspicionBook } from './suspicion-book.js';
import { isWired, type Contest, type SessionReport } from './two-ports.js';

const readShown = readerOf(shownCertificates, 'mac');
const readContests = readerOf(contests, 'mac');
const readSessions = readerOf(sessions, 'id');

const lately = 60_000;

/** What bridges reported in one batch. */
export interface Reported {
  readonly authentications: readonly Authentication[];
  readonly reports: readonly SessionReport[];
}

/**
 * Learns from what bridges report which devices are suspect, and does what policy says about it. In the transaction that stores the
 * reports, so that none is judged twice. Answers whether a device was put into quarantine.
 *
 * It does not decide what is suspicious (sightings.ts, two-ports.ts), and nothing here releases a device.
 */
export async function followSuspicions(
  tx: EntityManager,
  reported: Reported,
  snapshot: Snapshot | null,
  now: Date,
): Promise<boolean> {
  const findings = [
    ...(await findDowngrades(tx, reported.authentications)),
    ...(await findTwoPorts(tx, reported.reports, now)),
    ...(snapshot ? judgeVendors(reported.reports, snapshot) : []),
    ...(snapshot ? judgeFingerprints(reported.reports, snapshot) : []),
  ];
  if (findings.length === 0 || !snapshot) return false;
  return new SuspicionBook(tx, snapshot, now).enter(findings);
}

async function findDowngrades(tx: EntityManager, authentications: readonly Authentication[]): Promise<Finding[]> {
  const telling = authentications.filter(({ mac, method }) => mac !== null && method !== null && method !== 'password');
  if (telling.length === 0) return [];
  const macs = [...new Set(telling.map(({ mac }) => mac as Mac))];
  const stored = await readShown(tx, macs);
  const shown = new Map(stored.map((row) => [row.mac as string, row]));
  const findings = judgeAuthentications(telling, shown);
  const changed = [...shown.values()].filter((row) => !stored.includes(row));
  if (changed.length > 0) await tx.upsert(shownCertificates, changed, ['mac']);
  return findings;
}

async function findTwoPorts(tx: EntityManager, reports: readonly SessionReport[], now: Date): Promise<Finding[]> {
  const wired = reports.filter(({ after }) => isWired(after));
  if (wired.length === 0) return [];
  const macs = [...new Set(wired.map(({ after }) => after.mac))];
  const known = await readContests(tx, macs);
  const followed = new Map<string, Contest | null>(known.map(({ mac, document }) => [mac, document]));
  const present = Map.groupBy(await presentSessions(tx, macs, now), ({ mac }) => mac);
  const crowded = macs.filter((mac) => followed.has(mac) || (present.get(mac)?.length ?? 0) > 1);
  if (crowded.length === 0) return [];
  const ids = crowded.flatMap((mac) => (present.get(mac) ?? []).map(({ id }) => id));
  const rows = await readSessions(tx, ids);
  const ofMac = Map.groupBy(
    rows.map(({ document }) => document),
    ({ mac }) => mac as string,
  );
  const findings = judgePorts(
    wired.filter(({ after }) => crowded.includes(after.mac)),
    ofMac,
    followed,
  );
  for (const mac of crowded) {
    const document = followed.get(mac);
    if (document) await tx.upsert(contests, { mac, document }, ['mac']);
    else await tx.delete(contests, { mac });
  }
  return findings;
}

/** Open, or ended lately. Most devices have one: nothing but its name is read. */
function presentSessions(tx: EntityManager, macs: readonly Mac[], now: Date): Promise<{ id: string; mac: Mac }[]> {
  return tx.query(
    `SELECT id, mac FROM session
     WHERE mac IN (SELECT value FROM json_each(?)) AND (state = 'open' OR updatedAt > ?)`,
    [JSON.stringify(macs), new Date(now.getTime() - lately).toISOString()],
  );
}
