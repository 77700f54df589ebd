import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Authentication, BridgeEvent } from '#model';
import type { Mac } from '#net';
import { storeEvents } from '../bridge/store-events.js';
import { Database } from '../store/database.js';
import { AuthenticationStore, selectAuthentications, type AuthenticationQuery } from './authentication-store.js';
import { Retention } from './retention.js';

let folder: string;
let database: Database;
let seq = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-history-'));
  database = await Database.open(join(folder, 'cordon.db'));
  seq = 0;
});

afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const pump = '00:1a:00:00:00:01' as Mac;
const start = Date.parse('2026-05-01T10:00:00.000Z');

function authentication(minute: number, change: Partial<Authentication> = {}): Authentication {
  return {
    at: new Date(start + minute * 60_000).toISOString(),
    mac: pump,
    nas: 'sw1',
    nasPort: '7',
    outcome: 'accept',
    reason: 'granted',
    code: null,
    method: 'mac',
    class: 'infusion-pump',
    posture: 'unverified',
    site: 'main',
    segment: 'pumps',
    vlan: 210,
    rule: 'rules/access.csv:3',
    snapshotDigest: 'd',
    decisionId: `cordon:${minute}`,
    count: 1,
    ...change,
  };
}

const rejected = { outcome: 'reject', segment: null, vlan: null, rule: null, code: 'no-grant' } as const;

async function store(authentications: readonly Authentication[], rows = 1_000_000): Promise<void> {
  const events = authentications.map((each): BridgeEvent => {
    return { type: 'authentication', seq: ++seq, authentication: each };
  });
  for (let i = 0; i < events.length; i += 1000)
    await storeEvents(database, { bridge: 'b/1', events: events.slice(i, i + 1000) }, new Date(start), { rows }, null);
}

const minutes = async (query: Partial<AuthenticationQuery>): Promise<number[]> => {
  const { items } = await new AuthenticationStore(database).list({ limit: 100, ...query });
  return items.map(({ at }) => (Date.parse(at) - start) / 60_000);
};

describe('authentications', () => {
  it.each<[AuthenticationQuery, number[]]>([
    [{ limit: 100 }, [5, 4, 3, 2, 1, 0]],
    [{ limit: 100, mac: pump }, [5, 2, 1, 0]],
    [{ limit: 100, nas: 'sw2' }, [4, 3]],
    [{ limit: 100, nas: 'sw2', port: '8' }, [4]],
    [{ limit: 100, outcome: 'reject' }, [5]],
    [{ limit: 100, segment: 'quarantine' }, [2]],
    [{ limit: 100, outcome: 'accept', mac: pump }, [2, 1, 0]],
    [{ limit: 100, outcome: 'reject', nas: 'sw1' }, [5]],
    [{ limit: 100, segment: 'quarantine', mac: pump }, [2]],
    [{ limit: 100, segment: 'quarantine', outcome: 'reject' }, []],
    [{ limit: 100, from: authentication(1).at, to: authentication(3).at }, [3, 2, 1]],
  ])('for %j are, newest first, those of minutes %j', async (query, expected) => {
    const other = '00:1a:00:00:00:02';
    await store([
      authentication(0),
      authentication(5, rejected),
      authentication(1),
      authentication(2, { segment: 'quarantine' }),
      authentication(3, { mac: other, nas: 'sw2' }),
      authentication(4, { mac: other, nas: 'sw2', nasPort: '8' }),
    ]);
    expect(await minutes(query)).toEqual(expected);
  });

  it('go on from page to page, also where many have one instant', async () => {
    await store(Array.from({ length: 25 }, (_, n) => authentication(n < 12 ? 0 : 1, { decisionId: `${n}` })));
    const reader = new AuthenticationStore(database);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await reader.list({ limit: 10, cursor });
      seen.push(...page.items.map(({ decisionId }) => decisionId));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => `${24 - n}`));
  });

  it.each<[AuthenticationQuery, string]>([
    [{ limit: 100 }, 'authentication_at'],
    [{ limit: 100, mac: pump }, 'authentication_mac_at'],
    [{ limit: 100, mac: pump, outcome: 'reject', from: 'a', to: 'b' }, 'authentication_mac_at'],
    [{ limit: 100, mac: pump, segment: 'quarantine' }, 'authentication_mac_at'],
    [{ limit: 100, nas: 'sw1', outcome: 'reject' }, 'authentication_nas_at_outcome_segment'],
    [{ limit: 100, nas: 'sw1' }, 'authentication_nas_at_outcome_segment'],
    [{ limit: 100, nas: 'sw1', port: '7', to: 'b' }, 'authentication_nas_nasPort_at'],
    [{ limit: 100, outcome: 'reject' }, 'authentication_outcome_segment_at'],
    [{ limit: 100, segment: 'quarantine', cursor: '2026-05-01T10:00:00.000Z~7' }, 'authentication_outcome_segment_at'],
  ])('for %j are found by the index %s, in its order', async (query, index) => {
    const plan = await database.read((db) => {
      const [sql, parameters] = selectAuthentications(db, query).getQueryAndParameters();
      return db.query<{ detail: string }[]>(`EXPLAIN QUERY PLAN ${sql}`, parameters);
    });
    const details = plan.map(({ detail }) => detail).join('; ');
    expect(details).toContain(`USING INDEX ${index}`);
    expect(details).not.toContain('TEMP B-TREE FOR ORDER BY');
  });
});

describe('what is kept', () => {
  const clock = { now: () => new Date(start + 10 * 86_400_000) };
  const retention = (days: number, rows: number) =>
    new Retention(database, clock, { days, rows }, (error) => {
      throw error;
    });

  it('is what is younger than the limit', async () => {
    await store([0, 1, 9].map((day) => authentication(day * 1440)));
    expect(await retention(9, 1000).prune()).toBe(1);
    expect(await minutes({})).toEqual([9 * 1440, 1440]);
    expect(await retention(9, 1000).prune()).toBe(0);
  });

  it('is no more than so many rows, also while nobody prunes', async () => {
    await store(
      Array.from({ length: 3500 }, (_, n) => authentication(n)),
      1000,
    );
    const { first, last } = await new AuthenticationStore(database).bounds();
    expect([first, last]).toEqual([2501, 3500]);
  });

  it('shrinks to a lower limit, chunk by chunk', async () => {
    await store(Array.from({ length: 12_000 }, (_, n) => authentication(n % 5)));
    expect(await retention(3650, 1000).prune()).toBe(11_000);
    expect(await new AuthenticationStore(database).bounds()).toEqual({ first: 11_001, last: 12_000 });
  });

  it('tells its numbers when all is gone: what comes next is no gap', async () => {
    await store([authentication(0), authentication(1)]);
    await retention(1, 1000).prune();
    expect(await new AuthenticationStore(database).bounds()).toEqual({ first: 3, last: 2 });
  });
});
