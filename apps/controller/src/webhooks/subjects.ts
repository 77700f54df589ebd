import type { Session } from '#model';
import { In, LessThanOrEqual, type EntityManager } from 'typeorm';
import { sessions, webhookSubjects, type BreakGlassRow, type WebhookSubjectRow } from '../store/rows.js';
import type { WebhookEvent } from './events.js';
import { judgeSession } from './judge-session.js';
import { enqueueEvents, isHeard } from './outbox.js';

/*
 * What was told of things that get wrong and right again, so that each is told once, and over restarts. Functions here take the `tx` of
 * what happened.
 */

const sessionKey = (id: string): string => `session/${id}`;
const pointKey = (name: string): string => `point/${name}`;

/** Sessions as they are now, in the order in which they were reported. */
export async function tellSessions(tx: EntityManager, reported: readonly Session[], now: Date): Promise<void> {
  if (reported.length === 0 || !(await isHeard(tx))) return;
  const keys = [...new Set(reported.map(({ id }) => sessionKey(id)))];
  const known = new Map((await tx.findBy(webhookSubjects, { subject: In(keys) })).map((row) => [row.subject, row]));
  const before = new Set(known.keys());
  const events: WebhookEvent[] = [];
  for (const session of reported) {
    const subject = sessionKey(session.id);
    const { event, row } = follow(session, known.get(subject) ?? null, now);
    if (event) events.push(event);
    if (row) known.set(subject, row);
    else known.delete(subject);
  }
  if (known.size > 0) await tx.upsert(webhookSubjects, [...known.values()], ['subject']);
  const over = [...before].filter((subject) => !known.has(subject));
  if (over.length > 0) await tx.delete(webhookSubjects, { subject: In(over) });
  await enqueueEvents(tx, now, events);
}

interface Followed {
  readonly event: WebhookEvent | null;
  /** Null: there is nothing to remember. */
  readonly row: WebhookSubjectRow | null;
}

function follow(session: Session, row: WebhookSubjectRow | null, now: Date): Followed {
  const { id, mac, class: name, site, nas, nasPort, segment, vlan } = session;
  const about = { session: id, mac, class: name, site, nas, nasPort, segment, vlan };
  const subject = sessionKey(id);
  const was = row?.state === 'refused' || row?.state === 'diverged' ? row.state : null;
  const condition = judgeSession(session, now);
  if (condition.state === 'refused' || condition.state === 'diverged') {
    const { state, reason, since } = condition;
    const data = { ...about, reason, since };
    return { event: was === state ? null : { type: `session.${state}`, data }, row: { subject, state, due: null } };
  }
  if (condition.state === 'doubtful')
    return { event: null, row: was ? row : { subject, state: 'doubtful', due: condition.due } };
  if (condition.state === 'unsettled') return { event: null, row: was && row };
  const data = was && { ...about, was, outcome: condition.state };
  return { event: data && { type: 'session.recovered', data }, row: null };
}

export interface PointReport {
  readonly name: string;
  readonly site: string;
  readonly driver: string;
  readonly state: 'in-sync' | 'failed' | 'unreachable';
  /** Why; empty when it is in sync. */
  readonly message: string;
}

const longestMessage = 1000;

export async function tellPoint(tx: EntityManager, report: PointReport, now: Date): Promise<void> {
  if (!(await isHeard(tx))) return;
  const { name, site, driver, state, message } = report;
  const subject = pointKey(name);
  const was = (await tx.findOneBy(webhookSubjects, { subject }))?.state;
  const about = { point: name, site, driver };
  if (state !== 'in-sync') {
    if (was === state) return;
    await tx.upsert(webhookSubjects, { subject, state, due: null }, ['subject']);
    const data = { ...about, state, message: message.slice(0, longestMessage) };
    return enqueueEvents(tx, now, [{ type: 'enforcement.failed', data }]);
  }
  if (was !== 'failed' && was !== 'unreachable') return;
  await tx.delete(webhookSubjects, { subject });
  await enqueueEvents(tx, now, [{ type: 'enforcement.recovered', data: { ...about, was } }]);
}

/** It is no enforcement point any more. */
export async function forgetPoint(tx: EntityManager, name: string): Promise<void> {
  await tx.delete(webhookSubjects, { subject: pointKey(name) });
}

const orderData = ({ id, mac, class: name, opens }: BreakGlassRow) => ({ order: id, mac, class: name, opens });

export function tellOpened(tx: EntityManager, row: BreakGlassRow, now: Date): Promise<void> {
  const { openedBy: by, actor, reason, until } = row;
  return enqueueEvents(tx, now, [
    { type: 'break-glass.opened', data: { ...orderData(row), by, actor, reason, until } },
  ]);
}

export const tellClosed = (tx: EntityManager, row: BreakGlassRow, actor: string, now: Date): Promise<void> =>
  enqueueEvents(tx, now, [{ type: 'break-glass.closed', data: { ...orderData(row), actor } }]);

/** Its time is over. */
export const tellOver = (tx: EntityManager, row: BreakGlassRow, now: Date): Promise<void> =>
  enqueueEvents(tx, now, [{ type: 'break-glass.over', data: { ...orderData(row), until: row.until } }]);

/** What time alone has brought about of sessions. */
export async function tellDue(tx: EntityManager, now: Date): Promise<void> {
  const due = await tx.find(webhookSubjects, {
    where: { due: LessThanOrEqual(now.toISOString()) },
    order: { due: 'ASC' },
    take: 500,
  });
  if (due.length === 0) return;
  const ids = due.map(({ subject }) => subject.slice(sessionKey('').length));
  const documents = await tx.findBy(sessions, { id: In(ids) });
  // Whatever is still to be followed is entered anew.
  await tx.delete(webhookSubjects, { subject: In(due.map(({ subject }) => subject)) });
  await tellSessions(
    tx,
    documents.map(({ document }) => document),
    now,
  );
}
