import type { Clock } from '#base';
import type { EntityManager } from 'typeorm';
import { RateLimit } from '../flows/rate-limit.js';
import { Refusal } from '../http/refusal.js';
import type { Log } from '../log.js';
import type { Database } from '../store/database.js';
import { forgeKinds, hookSchemes, type ForgeKind, type HookRequest } from './hook-schemes.js';
import type { LookNow } from './look-now.js';

interface Ports {
  readonly database: Database;
  readonly look: Pick<LookNow, 'ask'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** `known`: it came before; `ignored`: it tells of something else than a push. */
export type HookOutcome = 'accepted' | 'known' | 'ignored';
export const hookOutcomes = ['accepted', 'known', 'ignored', 'refused', 'limited'] as const;

/** Since the start of the process. */
export type HookCount = readonly [forge: ForgeKind, outcome: (typeof hookOutcomes)[number], count: number];

const day = 86_400_000;
const mostRemembered = 10_000;
/** From one address: so many at once, and so many a second from then on. */
const [atOnce, perSecond] = [60, 1];

/**
 * Takes what forges say of their repositories. Nothing of a delivery is believed but that it is time to look: which commit there is, is for
 * git to say. It decides whether to look, not what becomes of it (`PolicyLoop`).
 */
export class Hooks {
  private readonly limit: RateLimit;
  private readonly counted = new Map<string, number>();

  /** `secrets`: one, or two while it is being changed; none: nobody is listened to. */
  constructor(
    private readonly ports: Ports,
    private readonly secrets: readonly string[],
  ) {
    this.limit = new RateLimit(ports.clock, atOnce, perSecond);
  }

  async take(forge: ForgeKind, from: string, request: HookRequest): Promise<HookOutcome> {
    const { database, look, clock } = this.ports;
    if (this.secrets.length === 0)
      throw new Refusal('not-found', 'hooks are not taken here: set CORDON_HOOK_SECRET_FILE on the controller');
    if (!this.limit.take(from, 1)) this.refuse(forge, 'limited', new Refusal('too-many', 'too many deliveries'));
    const scheme = hookSchemes[forge];
    const now = clock.now();
    if (!scheme.isGenuine(request, this.secrets, now))
      this.refuse(forge, 'refused', new Refusal('unauthenticated', 'not authenticated'));
    const id = scheme.delivery(request.headers);
    if (id === null || !/^[\w.:-]{1,128}$/.test(id))
      this.refuse(forge, 'refused', new Refusal('malformed', 'the delivery has no id'));
    const event = request.headers[scheme.eventHeader];
    if (typeof event !== 'string' || !scheme.pushes.includes(event)) return this.count(forge, 'ignored');
    const isNew = await database.transaction((tx) => remember(tx, `${forge}/${id}`, now));
    if (!isNew) return this.count(forge, 'known');
    look.ask(`hook:${forge}`);
    return this.count(forge, 'accepted');
  }

  /** Each of them, also those that never came. */
  counts(): HookCount[] {
    return forgeKinds.flatMap((forge) =>
      hookOutcomes.map((outcome): HookCount => [forge, outcome, this.counted.get(`${forge} ${outcome}`) ?? 0]),
    );
  }

  private refuse(forge: ForgeKind, outcome: 'refused' | 'limited', refusal: Refusal): never {
    this.count(forge, outcome);
    if (outcome === 'refused') this.ports.log.warn('a hook was refused', { forge, why: refusal.message });
    throw refusal;
  }

  private count<T extends (typeof hookOutcomes)[number]>(forge: ForgeKind, outcome: T): T {
    const key = `${forge} ${outcome}`;
    this.counted.set(key, (this.counted.get(key) ?? 0) + 1);
    return outcome;
  }
}

/** False: it was remembered before. For a day, and no more than the newest. */
export async function remember(tx: EntityManager, key: string, now: Date, most = mostRemembered): Promise<boolean> {
  const dayBefore = new Date(now.getTime() - day).toISOString();
  await tx.query('DELETE FROM hook_delivery WHERE at < ?', [dayBefore]);
  const added = await tx.query<unknown[]>(
    'INSERT INTO hook_delivery (id, at) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id',
    [key, now.toISOString()],
  );
  if (added.length === 0) return false;
  await tx.query('DELETE FROM hook_delivery WHERE rowid <= (SELECT max(rowid) FROM hook_delivery) - ?', [most]);
  return true;
}
