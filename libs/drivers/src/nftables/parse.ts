import { canonicalJson, compareText, sha256 } from '#base';
import { formatAddress, parseAddress } from '#net';
import type { ObservedState, RuleCounter } from '../driver.js';
import { TerminalFault } from '../driver.js';
import { asNumber, isIPv4, isRecord, readRule, readRanges, type JsonObject } from './parse-rule.js';
import type { NftChain, NftCounter, NftRule, NftSet, NftTable } from './table.js';
import { watchedPrefix } from './names.js';
import { auditCounter, isWatching, verdictAmongWatching } from './watching.js';

/*
 * Reads a transaction (`{"nftables":[{"add":{"set":…}}, …]}`) or a listing (`{"nftables":[{"set":…}, …]}`) into one form.
 * It knows nothing of how `render` names or orders things, so that a mistake there can't hide here.
 */

const longestText = 256 * 1024 * 1024;

export function parse(text: string): ObservedState | null {
  const table = parseTable(text);
  return table && observe(table);
}

export function observe(table: NftTable): ObservedState {
  const ruleIds = new Set<string>();
  for (const { rules } of table.chains.values())
    for (const { comment } of rules) if (comment?.startsWith('cordon:')) ruleIds.add(comment.slice('cordon:'.length));
  const membership = new Map<string, ReadonlySet<string>>();
  for (const [name, set] of table.sets) if (!set.ranges) membership.set(name, set.members);
  const parts = partsOf(table);
  const watching = { fingerprint: fingerprint(parts.watching), isPlain: isPlain(table, parts.watching) };
  return { rulesFingerprint: fingerprint(parts.rules), watching, membership, ports: new Map(), ruleIds };
}

/** The table as two: what decides, with all that is nobody's, and what only watches, with its own sets. */
function partsOf(table: NftTable): { readonly rules: NftTable; readonly watching: NftTable } {
  const chains = [...table.chains];
  const watching = new Map(chains.filter(([name, chain]) => isWatching(name, chain)));
  // That a chain of these is there belongs to what decides: rules lead to it.
  const rules = new Map(chains.map(([name, chain]) => [name, watching.has(name) ? { ...chain, rules: [] } : chain]));
  const sets = Map.groupBy(table.sets, ([name]) => name.startsWith(watchedPrefix));
  return {
    rules: { ...table, chains: rules, sets: new Map(sets.get(false)) },
    watching: { chains: watching, sets: new Map(sets.get(true)), counters: new Map(), foreign: [] },
  };
}

/** No verdict in it, and no set that is not as ours are. */
const isPlain = (table: NftTable, { sets }: NftTable): boolean =>
  verdictAmongWatching(table) === null &&
  [...sets].every(
    ([name, { type, ranges, foreign }]) =>
      ranges === null && foreign.length === 0 && type === (name.endsWith('_4') ? 'ipv4_addr' : 'ipv6_addr'),
  );

/** Everything but membership, handles and counter values. Objects have no order; rules within a chain have. */
function fingerprint({ chains, sets, counters, foreign }: NftTable): string {
  const plain = {
    chains: sorted(chains),
    sets: sorted(sets).map(([name, { type, ranges, foreign }]) => [name, type, ranges, foreign]),
    counters: sorted(counters).map(([name]) => name),
    foreign: [...foreign].sort(compareText),
  };
  // each kind of object is made in one place, so its members have one order
  return sha256(JSON.stringify(plain, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)));
}

const sorted = <T>(map: ReadonlyMap<string, T>): [string, T][] => [...map].sort(([a], [b]) => compareText(a, b));

/** The counters in a listing, of the whole table or of its counters only. */
export function parseCounters(text: string): RuleCounter[] {
  const out: RuleCounter[] = [];
  for (const item of readItems(text)) {
    const [kind, body] = oneMember(item);
    if (kind !== 'counter' || !isOurs(body, 'table')) continue;
    const name = textOf(body, 'name');
    if (name !== 'denied' && name !== auditCounter && !name.startsWith('line_')) continue;
    out.push({ id: name.replace(/^line_/, ''), packets: asNumber(body['packets']), bytes: asNumber(body['bytes']) });
  }
  return out;
}

/** Our table, or null when the text has none. Throws `TerminalFault` when the text isn't nft's JSON. */
export function parseTable(text: string): NftTable | null {
  const items = readItems(text);
  const reader = new TableReader();
  try {
    for (const item of items) reader.take(item);
  } catch (error) {
    // nesting deeper than the stack: no listing of nft's
    if (error instanceof RangeError) throw new TerminalFault('the nft JSON is nested too deeply');
    throw error;
  }
  return reader.table();
}

function readItems(text: string): readonly unknown[] {
  if (text.length > longestText) throw new TerminalFault('the nft listing is longer than 256 MiB');
  let items: unknown;
  try {
    const root: unknown = JSON.parse(text);
    items = isRecord(root) ? root['nftables'] : null;
  } catch {
    throw new TerminalFault('the text is not nft JSON: expected the output of `nft -j list table inet cordon`');
  }
  if (!Array.isArray(items)) throw new TerminalFault('the text is JSON, but has no list `nftables`');
  return items;
}

interface ChainInProgress {
  readonly hook: NftChain['hook'];
  readonly rules: NftRule[];
}
interface SetInProgress {
  readonly type: string;
  readonly isInterval: boolean;
  readonly foreign: string[];
  readonly elements: unknown[];
}

class TableReader {
  private exists = false;
  private readonly chains = new Map<string, ChainInProgress>();
  private readonly sets = new Map<string, SetInProgress>();
  private readonly counters = new Map<string, NftCounter>();
  private readonly foreign: string[] = [];

  take(item: unknown): void {
    const [kind, body] = oneMember(item);
    if (kind === 'add') return this.object(...oneMember(body));
    if (kind === 'delete') {
      const [what, table] = oneMember(body);
      if (what !== 'table') throw new TerminalFault(`a \`delete\` of ${what} is no part of a whole table`);
      if (isOurs(table, 'name')) this.clear();
      return;
    }
    this.object(kind, body);
  }

  private clear(): void {
    this.exists = false;
    for (const part of [this.chains, this.sets, this.counters]) part.clear();
    this.foreign.length = 0;
  }

  private object(kind: string, body: JsonObject): void {
    if (kind === 'metainfo' || !isOurs(body, kind === 'table' ? 'name' : 'table')) return;
    if (kind === 'table') {
      this.exists = true;
      this.strangers(`table`, body, ['family', 'name', 'handle', 'comment']);
    } else if (kind === 'chain') this.chain(body);
    else if (kind === 'rule') this.rule(body);
    else if (kind === 'set') this.set(body);
    else if (kind === 'element') this.elements(body);
    else if (kind === 'counter')
      this.counters.set(textOf(body, 'name'), {
        packets: asNumber(body['packets'] ?? 0),
        bytes: asNumber(body['bytes'] ?? 0),
      });
    else this.foreign.push(`${kind} ${canonicalJson(body)}`);
  }

  private chain(body: JsonObject): void {
    const name = textOf(body, 'name');
    const known = ['family', 'table', 'name', 'handle', 'type', 'hook', 'prio', 'policy', 'comment'];
    this.strangers(`chain ${name}`, body, known);
    const hook =
      body['hook'] === undefined
        ? null
        : {
            type: textOf(body, 'type'),
            hook: textOf(body, 'hook'),
            prio: asNumber(body['prio']),
            policy: textOf(body, 'policy'),
          };
    if (!this.chains.has(name)) this.chains.set(name, { hook, rules: [] });
  }

  private rule(body: JsonObject): void {
    this.strangers('rule', body, ['family', 'table', 'chain', 'handle', 'comment', 'expr']);
    const comment = typeof body['comment'] === 'string' ? body['comment'] : null;
    this.find(this.chains, body['chain'], 'chain').rules.push({ comment, statements: readRule(list(body['expr'])) });
  }

  private set(body: JsonObject): void {
    const name = textOf(body, 'name');
    const flags = list(body['flags']).map(String);
    const foreign = flags.filter((flag) => flag !== 'interval').map((flag) => `flag ${flag}`);
    const known = new Set(['family', 'table', 'name', 'handle', 'type', 'flags', 'elem', 'comment']);
    for (const [key, value] of Object.entries(body))
      if (!known.has(key)) foreign.push(`${key} ${canonicalJson(value)}`);
    const type = typeof body['type'] === 'string' ? body['type'] : canonicalJson(body['type']);
    this.sets.set(name, {
      type,
      isInterval: flags.includes('interval'),
      foreign,
      elements: list(body['elem']).slice(),
    });
  }

  private elements(body: JsonObject): void {
    const { elements } = this.find(this.sets, body['name'], 'set');
    for (const element of list(body['elem'])) elements.push(element);
  }

  private strangers(what: string, body: JsonObject, known: readonly string[]): void {
    for (const [key, value] of Object.entries(body))
      if (!known.includes(key)) this.foreign.push(`${what} ${key} ${canonicalJson(value)}`);
  }

  private find<T>(map: ReadonlyMap<string, T>, name: unknown, what: string): T {
    const found = typeof name === 'string' ? map.get(name) : undefined;
    if (!found) throw new TerminalFault(`the text names ${what} \`${String(name)}\` before it defines it`);
    return found;
  }

  table(): NftTable | null {
    if (!this.exists) return null;
    const sets = new Map([...this.sets].map(([name, set]) => [name, finishSet(set)]));
    return { chains: this.chains, sets, counters: this.counters, foreign: this.foreign };
  }
}

function finishSet({ type, isInterval, foreign, elements }: SetInProgress): NftSet {
  const strange = [...foreign];
  if (isInterval) {
    const ranges = readRanges(elements, type === 'ipv4_addr' ? 4 : 6);
    if (!ranges) strange.push(`elements ${canonicalJson(elements)}`);
    return { type, ranges: ranges ?? [], members: new Set(), foreign: strange.sort(compareText) };
  }
  const members = new Set<string>();
  for (const element of elements) {
    // there is one way to write an IPv4 address, and most members are one
    if (typeof element === 'string' && isIPv4(element)) {
      members.add(element);
      continue;
    }
    const address = typeof element === 'string' ? parseAddress(element) : null;
    if (address) members.add(formatAddress(address));
    else strange.push(`element ${canonicalJson(element)}`);
  }
  return { type, ranges: null, members, foreign: strange.sort(compareText) };
}

const isOurs = (body: JsonObject, key: string): boolean => body['family'] === 'inet' && body[key] === 'cordon';
const list = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];

function textOf(body: JsonObject, key: string): string {
  const value = body[key];
  if (typeof value !== 'string')
    throw new TerminalFault(`an object has no text \`${key}\`: ${canonicalJson(body).slice(0, 200)}`);
  return value;
}

function oneMember(item: unknown): [string, JsonObject] {
  const [member, ...more] = isRecord(item) ? Object.entries(item) : [];
  if (!member || more.length > 0 || !isRecord(member[1]))
    throw new TerminalFault(`not an object of nft JSON: ${canonicalJson(item).slice(0, 200)}`);
  return [member[0], member[1]];
}
