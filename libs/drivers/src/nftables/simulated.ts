import type { Connection } from '#model';
import { formatAddress, type Address } from '#net';
import { RemoteFault } from '../driver.js';
import type { Packet } from '../invariant.js';
import type { Json } from './commands.js';
import { evaluate, type Evaluation } from './evaluate.js';
import { parseTable } from './parse.js';
import { asNumber, isRecord } from './parse-rule.js';
import type { NftDevice } from './session.js';

type Body = Record<string, unknown>;

interface Table {
  readonly body: Body;
  readonly counters: Map<string, Body & { packets: number; bytes: number }>;
  readonly sets: Map<string, { readonly body: Body; readonly elements: Map<string, unknown> }>;
  readonly chains: Map<string, { readonly body: Body; readonly rules: Body[] }>;
}

/**
 * nft within this process: takes the same transactions, gives the same listings, and is stricter than the original, so that
 * a plan that works by luck fails here: what exists can't be added again, what is in use can't be deleted, what is named
 * must be there. For demonstrations and tests.
 */
export class SimulatedNft implements NftDevice {
  private tables = new Map<string, Table>();
  private handle = 0;
  private tracked: Connection[] = [];
  private onLost: () => void = () => undefined;
  /** While false, every call fails as an unreachable device does. */
  isReachable = true;

  list(): Promise<string | null> {
    return this.answer(() => {
      const table = this.tables.get('inet cordon');
      return table ? listing([{ table: table.body }, ...objectsOf(table)]) : null;
    });
  }

  listCounters(): Promise<string | null> {
    return this.answer(() => {
      const table = this.tables.get('inet cordon');
      return table ? listing([...table.counters.values()].map((counter) => ({ counter }))) : null;
    });
  }

  /** Tables that aren't ours, as text. */
  listForeign(): string {
    const foreign = [...this.tables].filter(([name]) => name !== 'inet cordon');
    return listing(foreign.flatMap(([, table]) => [{ table: table.body }, ...objectsOf(table)]));
  }

  load(transaction: string): Promise<void> {
    return this.answer(() => {
      const isThere = this.tables.has('inet cordon');
      this.tables = this.changed(transaction);
      if (isThere && transaction.includes('{"delete":{"table":{"family":"inet","name":"cordon"}}}')) this.onLost();
    });
  }

  watch(onLost: () => void): void {
    this.onLost = onLost;
  }

  wouldTake(transaction: string): Promise<boolean> {
    return this.answer(() => {
      try {
        this.changed(transaction);
        return true;
      } catch {
        return false;
      }
    });
  }

  /** What would stand there after a transaction. */
  private changed(transaction: string): Map<string, Table> {
    const { nftables } = JSON.parse(transaction) as { nftables: Record<string, Record<string, Body>>[] };
    const tables = structuredClone(this.tables);
    for (const command of nftables) this.execute(tables, command);
    for (const table of tables.values()) refuseDangling(table);
    return tables;
  }

  connections(of?: readonly Address[]): Promise<readonly Connection[]> {
    const ends = of && new Set(of.map(formatAddress));
    return this.answer(() =>
      this.tracked.filter(({ source, destination }) =>
        [source, destination].some((end) => !ends || ends.has(formatAddress(end))),
      ),
    );
  }

  cut(connections: readonly Connection[]): Promise<void> {
    return this.answer(() => {
      const gone = new Set(connections.map(connectionKey));
      this.tracked = this.tracked.filter((connection) => !gone.has(connectionKey(connection)));
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Routes a packet: judges it, counts it, and tracks the connection that it opens. */
  route(packet: Packet, bytes = 64): Evaluation['verdict'] {
    const text = JSON.stringify({ nftables: this.oursOrNothing() });
    const parsed = parseTable(text);
    const { verdict, counters } = parsed ? evaluate(parsed, packet) : { verdict: 'untouched' as const, counters: [] };
    for (const name of counters) {
      const counter = this.tables.get('inet cordon')?.counters.get(name);
      if (counter) Object.assign(counter, { packets: counter.packets + 1, bytes: counter.bytes + bytes });
    }
    const { source, destination, protocol, port } = packet;
    const connection = { source, destination, protocol, sourcePort: 49_152, destinationPort: port };
    const isKnown = this.tracked.some((known) => connectionKey(known) === connectionKey(connection));
    if (verdict !== 'dropped' && packet.isReply !== true && !isKnown) this.track(connection);
    return verdict;
  }

  /** As if this connection had been opened and let pass. */
  track(connection: Connection): void {
    this.tracked.push(connection);
  }

  private oursOrNothing(): Json[] {
    const table = this.tables.get('inet cordon');
    return table ? [{ table: table.body }, ...objectsOf(table)] : [];
  }

  private answer<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (!this.isReachable) throw new RemoteFault('the simulated device does not answer');
      resolve(work());
    });
  }

  private execute(tables: Map<string, Table>, command: Record<string, Record<string, Body>>): void {
    const [[verb, object] = refuse('an empty command'), ...more] = Object.entries(command);
    const [[kind, body] = refuse('a command without object')] = Object.entries(object);
    if (more.length > 0) refuse('two commands in one');
    if (kind === 'table') return this.table(tables, verb, body);
    const table =
      tables.get(`${String(body['family'])} ${String(body['table'])}`) ?? refuse(`no table for the ${kind}`);
    if (kind === 'element') return changeElements(table, verb, body);
    if (verb === 'delete' && kind === 'rule') return deleteRule(table, body);
    if (verb === 'flush' && kind === 'chain') return flushChain(table, body);
    if (verb === 'delete' && (kind === 'chain' || kind === 'set' || kind === 'counter'))
      return deleteObject(table, kind, body);
    if (verb !== 'add' && !(verb === 'insert' && kind === 'rule')) refuse(`unknown command \`${verb} ${kind}\``);
    this.create(table, kind, body, verb === 'insert');
  }

  private table(tables: Map<string, Table>, verb: string, body: Body): void {
    const name = `${String(body['family'])} ${String(body['name'])}`;
    if (verb === 'delete') {
      if (!tables.delete(name)) refuse(`no table ${name}`);
    } else if (verb !== 'add') refuse(`unknown command \`${verb} table\``);
    else if (!tables.has(name)) {
      const table = { ...body, handle: ++this.handle };
      tables.set(name, { body: table, counters: new Map(), sets: new Map(), chains: new Map() });
    }
  }

  private create(table: Table, kind: string, given: Body, isFirst: boolean): void {
    const { elem, ...plain } = given;
    const body = { ...plain, handle: ++this.handle };
    const name = String(given['name']);
    const fresh = (map: ReadonlyMap<string, unknown>): void => {
      if (map.has(name)) refuse(`${kind} ${name} exists`);
    };
    if (kind === 'counter') {
      fresh(table.counters);
      table.counters.set(name, {
        ...body,
        packets: asNumber(given['packets'] ?? 0),
        bytes: asNumber(given['bytes'] ?? 0),
      });
    } else if (kind === 'set') {
      fresh(table.sets);
      table.sets.set(name, { body, elements: new Map() });
      if (elem !== undefined) changeElements(table, 'add', given);
    } else if (kind === 'chain') {
      fresh(table.chains);
      table.chains.set(name, { body, rules: [] });
    } else if (kind === 'rule') {
      const chain = table.chains.get(String(given['chain'])) ?? refuse(`no chain ${String(given['chain'])}`);
      if (isFirst) chain.rules.unshift(body);
      else chain.rules.push(body);
    } else refuse(`unknown object ${kind}`);
  }
}

const connectionKey = ({ source, destination, protocol, sourcePort, destinationPort }: Connection): string =>
  [source.value, destination.value, protocol, sourcePort, destinationPort].join(' ');

function changeElements(table: Table, verb: string, body: Body): void {
  const set = table.sets.get(String(body['name'])) ?? refuse(`no set ${String(body['name'])}`);
  for (const element of body['elem'] as unknown[]) {
    const key = JSON.stringify(element);
    if ((verb === 'add' || verb === 'create') && set.elements.has(key)) refuse(`element ${key} exists`);
    else if (verb === 'add' || verb === 'create') set.elements.set(key, element);
    else if (verb !== 'delete' || !set.elements.delete(key)) refuse(`no element ${key}`);
  }
}

function deleteRule(table: Table, body: Body): void {
  const rules = table.chains.get(String(body['chain']))?.rules ?? refuse('no such chain');
  const index = rules.findIndex((rule) => rule['handle'] === body['handle']);
  if (index < 0) refuse('no such rule');
  rules.splice(index, 1);
}

function flushChain(table: Table, body: Body): void {
  const name = String(body['name']);
  (table.chains.get(name) ?? refuse(`no chain ${name}`)).rules.length = 0;
}

function deleteObject(table: Table, kind: 'chain' | 'set' | 'counter', body: Body): void {
  const map = { chain: table.chains, set: table.sets, counter: table.counters }[kind];
  if (kind === 'chain' && (table.chains.get(String(body['name']))?.rules.length ?? 0) > 0)
    refuse('the chain has rules');
  if (!map.delete(String(body['name']))) refuse(`no ${kind} ${String(body['name'])}`);
}

/** At the end of a transaction every name in a rule must stand for something: also what keeps objects in use undeletable. */
function refuseDangling({ chains, sets, counters }: Table): void {
  for (const { rules } of chains.values())
    for (const rule of rules)
      for (const statement of rule['expr'] as Json[]) {
        const target = statement['jump'] ?? statement['goto'];
        if (isRecord(target) && !chains.has(String(target['target']))) refuse(`no chain ${String(target['target'])}`);
        const { counter, match } = statement;
        if (typeof counter === 'string' && !counters.has(counter)) refuse(`no counter ${counter}`);
        const right = isRecord(match) ? match['right'] : null;
        if (typeof right === 'string' && right.startsWith('@') && !sets.has(right.slice(1))) refuse(`no set ${right}`);
      }
}

function objectsOf({ counters, sets, chains }: Table): Json[] {
  return [
    ...[...counters.values()].map((counter) => ({ counter })),
    ...[...sets.values()].map(({ body, elements }) => ({
      set: { ...body, ...(elements.size > 0 && { elem: [...elements.values()] }) },
    })),
    ...[...chains.values()].map(({ body }) => ({ chain: body })),
    ...[...chains.values()].flatMap(({ rules }) => rules.map((rule) => ({ rule }))),
  ];
}

const listing = (objects: readonly Json[]): string =>
  JSON.stringify({ nftables: [{ metainfo: { version: '1.0.6', json_schema_version: 1 } }, ...objects] });

/** As with nft, the transaction had no effect. */
function refuse(why: string): never {
  throw new RemoteFault(`simulated nft: ${why}`);
}
