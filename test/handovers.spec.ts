import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { BridgeEvent, Session, SessionElsewhere } from '#model';
import { parseMac } from '#net';
import {
  codes,
  decodePacket,
  integerAttribute,
  octetsAttribute,
  ipv4Attribute,
  readAccounting,
  readRequestContext,
  Secret,
  signRequest,
  textAttribute,
  types,
} from '#radius';
import { afterAll, describe, expect, it } from 'vitest';
import { offersTo } from '../apps/controller/src/bridge/handovers.js';
import { storeEvents } from '../apps/controller/src/bridge/store-events.js';
import { LiveSessions, readLiveSessions } from '../apps/controller/src/sessions/live-sessions.js';
import { Database } from '../apps/controller/src/store/database.js';
import { AccountingSessions } from '../apps/radius-bridge/src/accounting/accounting-sessions.js';
import { grantFields } from '../apps/radius-bridge/src/authentication/authorizer.js';
import type { Client } from '../apps/radius-bridge/src/clients/client-table.js';
import { SessionsElsewhere } from '../apps/radius-bridge/src/sessions/sessions-elsewhere.js';
import { SessionTable, stampRefreshed } from '../apps/radius-bridge/src/sessions/session-table.js';
import type { TrackedSession } from '../apps/radius-bridge/src/sessions/tracked-session.js';
import { testParts } from '../apps/radius-bridge/test/parts.js';
import { sampleSnapshot } from '../apps/radius-bridge/test/sample-policy.js';

/*
 * Two bridges, and a switch that goes to and fro between them, must know of its sessions what one bridge knows that it always speaks to. Messages
 * between bridges and controller come late, get lost when a link breaks, and all come through in the end.
 */

const mac = parseMac('00:1a:2b:3c:4d:5e')!;
const snapshot = sampleSnapshot();
const statuses = { start: 1, stop: 2, interim: 3 };

class Clock {
  now = Date.parse('2026-11-01T12:00:00Z');
  readonly date = (): Date => new Date(this.now);
}

/** Its memory, and what it has to tell the controller. */
class TestBridge {
  private readonly parts = testParts(snapshot);
  readonly sessions: SessionTable;
  private readonly accounting: AccountingSessions;
  private readonly elsewhere: SessionsElsewhere;
  private readonly dirty = new Set<TrackedSession>();
  private readonly refreshed = new Set<TrackedSession>();
  private readonly spool: BridgeEvent[] = [];
  private readonly inbox: SessionElsewhere[] = [];
  private seq = 0;
  isLinked = true;

  constructor(
    readonly name: string,
    private readonly clock: Clock,
  ) {
    this.parts.devices.load([[mac, 'infusion-pump', 'normal', '', '']], 1);
    this.sessions = new SessionTable(1000, {
      onChange: (tracked) => {
        this.dirty.add(tracked);
        this.refreshed.delete(tracked);
      },
      onRefresh: (tracked) => this.refreshed.add(tracked),
      onForgotten: () => undefined,
      onAccepted: () => undefined,
    });
    const { devices, snapshots, counters } = this.parts;
    const silent = (): void => undefined;
    this.accounting = new AccountingSessions(this.sessions, devices, snapshots, counters, silent, clock.date);
    this.elsewhere = new SessionsElsewhere(this.sessions, snapshots, silent, clock.date);
  }

  private get client(): Client {
    return this.parts.snapshots.current!.clients.find('127.0.0.1') as Client;
  }

  accept(nasPort: number, acctSessionId: string | null, told: string, decisionId: string): void {
    const device = this.parts.devices.find(mac);
    const place = { nas: this.client.nas, ssid: null };
    const decision = this.parts.snapshots.current!.authorizer.decide(place, mac, device, 'mac');
    if (decision.kind === 'refused') throw new Error(decision.detail);
    const { decisionId: _, ...grant } = grantFields(decision, decisionId);
    const heard = {
      userName: null,
      callingStationId: null,
      auditSessionId: null,
      nasIpAddress: null,
      nasIpv6Address: null,
      nasIdentifier: null,
      nasPortId: null,
      nasPort,
      acctSessionId,
    };
    const origin = { mac, nas: this.client.nas.name, nasAddress: '127.0.0.1', ssid: null, method: 'mac' as const };
    this.sessions.accepted({ ...origin, heard, grant, decisionId, told }, this.clock.now);
  }

  account(
    nasPort: number,
    id: string,
    status: keyof typeof statuses,
    address: string | null,
    decisionId: string,
  ): void {
    const attributes = [
      integerAttribute(types.acctStatusType, statuses[status]),
      textAttribute(types.acctSessionId, id),
      textAttribute(types.callingStationId, '00-1A-2B-3C-4D-5E'),
      integerAttribute(types.nasPort, nasPort),
      octetsAttribute(types.class, Buffer.from(decisionId)),
      ...(address === null ? [] : [ipv4Attribute(types.framedIpAddress, address)]),
    ];
    const packet = decodePacket(signRequest(codes.accountingRequest, 1, attributes, new Secret('s')));
    if (typeof packet === 'string') throw new Error(packet);
    const [record, context] = [readAccounting(packet)!, readRequestContext(packet)];
    this.accounting.apply({ record, context, sensed: null, client: this.client, nasAddress: '127.0.0.1' });
  }

  /** Up to so many events; they leave the spool only when `stored`. */
  events(most: number): BridgeEvent[] {
    for (const tracked of this.refreshed) {
      stampRefreshed(tracked);
      this.dirty.add(tracked);
    }
    this.refreshed.clear();
    for (const { session } of this.dirty)
      this.spool.push({ type: 'session', seq: ++this.seq, session: structuredClone(session) });
    this.dirty.clear();
    return this.spool.slice(0, most);
  }

  stored(seq: number): void {
    while (this.spool[0] && this.spool[0].seq <= seq) this.spool.shift();
  }

  get isQuiet(): boolean {
    return this.dirty.size + this.refreshed.size + this.spool.length + this.inbox.length === 0;
  }

  hear(sessions: readonly SessionElsewhere[]): void {
    if (this.isLinked) this.inbox.push(...structuredClone(sessions));
  }

  /** What had not come through comes never. */
  unlink(): void {
    this.isLinked = false;
    this.inbox.length = 0;
  }

  takeIn(most: number): void {
    for (const one of this.inbox.splice(0, most)) this.elsewhere.take(one);
  }

  open(): Session[] {
    return this.sessions.open().map(({ session }) => session);
  }
}

type Action =
  | { readonly kind: 'go'; readonly to: number }
  | { readonly kind: 'accept' | 'stop' | 'plug' }
  | { readonly kind: 'record'; readonly address: string | null }
  | { readonly kind: 'events' | 'hear'; readonly bridge: number; readonly most: number }
  | { readonly kind: 'unlink' | 'link'; readonly bridge: number }
  | { readonly kind: 'policy'; readonly told: string };

const bridge = fc.constantFrom(0, 1);
const most = fc.constantFrom(1, 100);
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const action: fc.Arbitrary<Action> = fc.oneof(
  often(3, fc.record({ kind: fc.constant('go' as const), to: bridge })),
  often(4, fc.record({ kind: fc.constant('accept' as const) })),
  often(1, fc.record({ kind: fc.constantFrom('stop' as const, 'plug' as const) })),
  often(
    4,
    fc.record({ kind: fc.constant('record' as const), address: fc.constantFrom(null, '10.21.0.5', '10.21.0.6') }),
  ),
  often(4, fc.record({ kind: fc.constantFrom('events' as const, 'hear' as const), bridge, most })),
  often(2, fc.record({ kind: fc.constantFrom('unlink' as const, 'link' as const), bridge })),
  often(1, fc.record({ kind: fc.constant('policy' as const), told: fc.constantFrom('x', 'y') })),
);

class Network {
  private readonly clock = new Clock();
  readonly bridges = [new TestBridge('a/1', this.clock), new TestBridge('b/1', this.clock)] as const;
  /** That one hears everything, and has no controller. */
  readonly alone = new TestBridge('alone', this.clock);
  readonly live: LiveSessions;
  private speaksTo: TestBridge = this.bridges[0];
  private acctSessionId: string | null = null;
  private port = 1;
  private count = 0;
  private told = 'x';
  /** As in Class. */
  private decisionId = '';

  constructor(
    private readonly database: Database,
    private readonly namesInAccess: boolean,
  ) {
    this.live = new LiveSessions(database);
  }

  private both(work: (bridge: TestBridge) => void): void {
    work(this.speaksTo);
    work(this.alone);
  }

  async play(action: Action): Promise<void> {
    this.clock.now += 1000;
    const { acctSessionId: id } = this;
    switch (action.kind) {
      case 'go':
        this.speaksTo = this.bridges[action.to]!;
        return;
      case 'policy':
        this.told = action.told;
        return;
      case 'accept': {
        const name = id ?? `s${++this.count}`;
        this.acctSessionId = name;
        this.decisionId = `cordon:${(++this.count).toString(16).padStart(12, '0')}`;
        this.both((to) => to.accept(this.port, this.namesInAccess ? name : null, this.told, this.decisionId));
        if (id === null) this.both((to) => to.account(this.port, name, 'start', null, this.decisionId));
        return;
      }
      case 'record':
        if (id !== null) this.both((to) => to.account(this.port, id, 'interim', action.address, this.decisionId));
        return;
      case 'stop':
        if (id !== null) this.both((to) => to.account(this.port, id, 'stop', null, this.decisionId));
        this.acctSessionId = null;
        return;
      case 'plug':
        if (id !== null) return;
        this.port = 3 - this.port;
        return;
      case 'events':
        return this.deliver(this.bridges[action.bridge]!, action.most);
      case 'hear':
        return this.bridges[action.bridge]!.takeIn(action.most);
      case 'unlink':
        return this.bridges[action.bridge]!.unlink();
      case 'link':
        return this.link(this.bridges[action.bridge]!);
    }
  }

  private async link(to: TestBridge): Promise<void> {
    if (to.isLinked) return;
    to.isLinked = true;
    to.hear(await this.database.read((db) => offersTo(db, to.name)));
  }

  private async deliver(from: TestBridge, most: number): Promise<void> {
    const events = from.events(most);
    if (!from.isLinked || events.length === 0) return;
    const batch = { bridge: from.name, events };
    const result = await storeEvents(this.database, batch, this.clock.date(), { rows: 1000 }, null);
    from.stored(result.answer.stored);
    this.live.reported(result.sessions);
    for (const { to, elsewhere } of result.offers) this.bridges.find(({ name }) => name === to)?.hear([elsewhere]);
  }

  /** All comes through. */
  async settle(): Promise<void> {
    for (const each of this.bridges) {
      each.unlink();
      await this.link(each);
    }
    for (let round = 0; round < 20; round++) {
      this.clock.now += 1000;
      for (const each of this.bridges) {
        await this.deliver(each, 100);
        each.takeIn(100);
      }
      if (this.bridges.every(({ isQuiet }) => isQuiet)) return;
    }
    throw new Error('the bridges go on telling each other');
  }
}

const what = ({ nas, nasPort, acctSessionId, addresses, told, segment, role }: Session) => ({
  nas,
  nasPort,
  acctSessionId,
  addresses: [...addresses].sort(),
  told,
  segment,
  role,
});

describe('a switch that goes to and fro between two bridges', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-handovers-'));
  let count = 0;
  afterAll(() => rmSync(folder, { recursive: true }));

  async function run(actions: readonly Action[], namesInAccess: boolean): Promise<void> {
    const database = await Database.open(join(folder, `${count++}.sqlite`));
    try {
      const network = new Network(database, namesInAccess);
      await network.live.all();
      for (const one of actions) await network.play(one);
      await network.settle();
      const expected = network.alone.open().map(what);
      const stored = await database.read((db) =>
        db.query<{ document: string }[]>(`SELECT document FROM session WHERE state = 'open'`),
      );
      expect(stored.map(({ document }) => what(JSON.parse(document) as Session))).toEqual(expected);
      const names = [
        'id',
        'state',
        'mac',
        'nas',
        'nasPort',
        'site',
        'class',
        'segment',
        'startedAt',
        'updatedAt',
        'endedAt',
      ];
      for (const { document, ...columns } of await database.read((db) =>
        db.query<{ document: string }[]>(`SELECT ${names.join(', ')}, document FROM session`),
      ))
        expect(JSON.parse(document)).toMatchObject(columns);
      expect(network.bridges.flatMap((each) => each.open().map(what))).toEqual(expected);
      expect(await network.live.all()).toEqual(await readLiveSessions(database));
    } finally {
      await database.close();
    }
  }

  it.each([true, false])('leaves behind what one bridge would know (sessions named at access: %s)', async (named) => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 8, maxLength: 40, size: 'max' }), (actions) =>
        run(actions, named),
      ),
      { numRuns: 150 },
    );
  });

  const go = (to: number): Action => ({ kind: 'go', to });
  const accept: Action = { kind: 'accept' };
  const stop: Action = { kind: 'stop' };
  const record: Action = { kind: 'record', address: null };

  it('takes a session that is named by its Start for one that begins there, whatever was accepted without a name before', () =>
    run([accept, go(1), accept, go(0), stop, accept, go(1), stop, { kind: 'policy', told: 'y' }, accept], false));

  it('does not take the beginning of a session from one that names none', () =>
    run([accept, go(1), accept, go(0), accept, go(1), record, go(0), stop, accept, record], false));
});
