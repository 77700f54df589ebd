import type { Clock } from '#base';
import type { PasswordMethod } from '#model';
import type { Mac } from '#net';
import type { EntityManager } from 'typeorm';
import { likeContains, pageOf, type Page } from '../http/paging.js';
import { Refusal } from '../http/refusal.js';
import { recordAudit } from '../store/audit.js';
import { takeRevisions } from '../store/counters.js';
import type { Database } from '../store/database.js';
import { credentials, credentialTombstones, devices, type CredentialRow } from '../store/rows.js';
import type { Wakeups } from '../wakeups.js';
import type { CredentialView } from './credential-fields.js';
import type { PasswordHashes } from './new-password.js';

export interface CredentialQuery {
  readonly mac?: Mac | undefined;
  readonly search?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/**
 * Passwords of devices, as hashes. A name belongs to one registered device until it is removed. Each change is stored with
 * its audit entry and its number in the feed, in one transaction; it never sees a password, and shows no hash.
 */
export class CredentialStore {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly wakeups: Wakeups,
  ) {}

  async list(query: CredentialQuery): Promise<Page<CredentialView>> {
    const rows = await this.database.read((db) => {
      const select = db
        .createQueryBuilder(credentials, 'c')
        .orderBy('c.username')
        .take(query.limit + 1);
      if (query.cursor) select.andWhere('c.username > :cursor', { cursor: query.cursor });
      if (query.mac) select.andWhere('c.mac = :mac', { mac: query.mac });
      if (query.search) select.andWhere("c.username LIKE :search ESCAPE '\\'", { search: likeContains(query.search) });
      return select.getMany();
    });
    return pageOf(rows, query.limit, ({ username }) => username, viewOf);
  }

  /** Why this name can't be given to this device; throws. Asked before a password is hashed, and again when it is stored. */
  check(username: string, mac: Mac): Promise<void> {
    return this.database.read(async (db) => void (await checkOwner(db, username, mac)));
  }

  async set(username: string, mac: Mac, hashes: PasswordHashes, actor: string): Promise<CredentialView> {
    const view = await this.database.transaction(async (tx) => {
      const before = await checkOwner(tx, username, mac);
      const now = this.clock.now();
      const at = now.toISOString();
      const revision = await takeRevisions(tx, 'credential', 1);
      const row: CredentialRow = {
        username,
        mac,
        ...hashes,
        revision,
        createdAt: before?.createdAt ?? at,
        updatedAt: at,
      };
      await tx.upsert(credentials, row, ['username']);
      await tx.delete(credentialTombstones, { username });
      const entry = { actor, action: 'credential.set', target: username, after: viewOf(row) };
      await recordAudit(tx, now, [before ? { ...entry, before: viewOf(before) } : entry]);
      return viewOf(row);
    });
    this.wakeups.fire('credentials');
    return view;
  }

  async remove(username: string, actor: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      const row = await tx.findOneBy(credentials, { username });
      if (!row) throw new Refusal('not-found', `there is no credential \`${username}\``);
      await removeCredentials(tx, this.clock.now(), [row], { actor });
    });
    this.wakeups.fire('credentials');
  }
}

/** In the transaction of whatever makes them go. */
export async function removeCredentials(
  tx: EntityManager,
  now: Date,
  rows: readonly CredentialRow[],
  { actor, reason }: { readonly actor: string; readonly reason?: string },
): Promise<void> {
  if (rows.length === 0) return;
  const first = await takeRevisions(tx, 'credential', rows.length);
  for (const [n, { username }] of rows.entries()) {
    await tx.delete(credentials, { username });
    await tx.insert(credentialTombstones, { username, revision: first + n });
  }
  await recordAudit(
    tx,
    now,
    rows.map((row) => ({ actor, action: 'credential.delete', target: row.username, reason, before: viewOf(row) })),
  );
}

/** The credential of this name so far. */
async function checkOwner(db: EntityManager, username: string, mac: Mac): Promise<CredentialRow | null> {
  if (!(await db.existsBy(devices, { mac }))) {
    const detail = `there is no device ${mac}: register it first`;
    throw new Refusal('unprocessable', detail, [{ pointer: '/mac', detail }]);
  }
  const before = await db.findOneBy(credentials, { username });
  if (before && before.mac !== mac) {
    const detail = `\`${username}\` is that of the device ${before.mac}: remove it there first, or choose another name`;
    throw new Refusal('conflict', detail, [{ pointer: '/mac', detail }]);
  }
  return before;
}

const methodsOf = ({ passwordHash, ntHash }: CredentialRow): PasswordMethod[] => [
  ...(passwordHash === null ? [] : (['pap'] as const)),
  ...(ntHash === null ? [] : (['mschapv2'] as const)),
];

/** INVARIANT: nothing of a hash. */
function viewOf(row: CredentialRow): CredentialView {
  const { username, mac, createdAt, updatedAt } = row;
  return { username, mac, methods: methodsOf(row), createdAt, updatedAt };
}
