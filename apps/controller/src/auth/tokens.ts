import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#base';
import { Refusal } from '../http/refusal.js';
import type { Caller } from '../permissions/permissions.js';
import { recordAudit } from '../store/audit.js';
import type { Database } from '../store/database.js';
import { tokens, type Role, type TokenRow } from '../store/rows.js';

export interface TokenView {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: string;
}

const hash = (token: string): Buffer => createHash('sha256').update(token).digest();
const view = ({ id, name, role, createdAt }: TokenRow): TokenView => ({ id, name, role, createdAt });

/** Who may call. Only hashes are kept; a token is shown once, when it is made. */
export class TokenStore {
  /** All rows, so that a request costs no query. */
  private rows: readonly TokenRow[] = [];
  private readonly bridgeHash: Buffer;

  private constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    bridgeToken: string,
  ) {
    this.bridgeHash = hash(bridgeToken);
  }

  /** `firstAdminToken` is set at the very first start alone: print it, nobody can ask for it again. */
  static async open(
    database: Database,
    clock: Clock,
    secrets: { bridgeToken: string; adminToken: string | null },
  ): Promise<{ store: TokenStore; firstAdminToken: string | null }> {
    const store = new TokenStore(database, clock, secrets.bridgeToken);
    await store.reload();
    if (store.rows.length > 0) return { store, firstAdminToken: null };
    const token = secrets.adminToken ?? randomBytes(32).toString('base64url');
    await store.insert({ actor: 'system', name: 'admin', role: 'admin', token });
    return { store, firstAdminToken: token };
  }

  /** Compares with every hash in constant time, so the time taken tells nothing about how near a guess was. */
  authenticate(token: string): Caller | null {
    const presented = hash(token);
    let caller: Caller | null = timingSafeEqual(presented, this.bridgeHash) ? { name: 'bridge', role: 'bridge' } : null;
    for (const row of this.rows) {
      if (timingSafeEqual(presented, Buffer.from(row.hash, 'hex'))) caller = { name: row.name, role: row.role };
    }
    return caller;
  }

  list(): TokenView[] {
    return this.rows.map(view);
  }

  async create(actor: string, name: string, role: Role): Promise<TokenView & { token: string }> {
    if (this.rows.some((row) => row.name === name))
      throw new Refusal('conflict', `there is a token named \`${name}\` already`, [
        { pointer: '/name', detail: 'choose another name, or delete that token first' },
      ]);
    const token = randomBytes(32).toString('base64url');
    return { ...view(await this.insert({ actor, name, role, token })), token };
  }

  async remove(actor: string, id: string): Promise<void> {
    const row = this.rows.find((each) => each.id === id);
    if (!row) throw new Refusal('not-found', `there is no token \`${id}\``);
    const isLastAdmin = row.role === 'admin' && this.rows.filter(({ role }) => role === 'admin').length === 1;
    if (isLastAdmin) throw new Refusal('conflict', 'this is the last admin token: create another one first');
    await this.database.transaction(async (tx) => {
      await tx.delete(tokens, { id });
      await recordAudit(tx, this.clock.now(), [{ actor, action: 'token.delete', target: row.name, before: view(row) }]);
    });
    await this.reload();
  }

  private async insert(entry: { actor: string; name: string; role: Role; token: string }): Promise<TokenRow> {
    const now = this.clock.now();
    const row: TokenRow = {
      id: randomBytes(6).toString('hex'),
      name: entry.name,
      role: entry.role,
      hash: hash(entry.token).toString('hex'),
      createdAt: now.toISOString(),
    };
    await this.database.transaction(async (tx) => {
      await tx.insert(tokens, row);
      await recordAudit(tx, now, [{ actor: entry.actor, action: 'token.create', target: row.name, after: view(row) }]);
    });
    await this.reload();
    return row;
  }

  private async reload(): Promise<void> {
    this.rows = await this.database.read((db) => db.find(tokens, { order: { createdAt: 'ASC', id: 'ASC' } }));
  }
}
