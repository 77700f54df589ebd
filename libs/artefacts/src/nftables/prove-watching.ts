import type { Diagnostic } from '#base';
import { isWatching, parseTable, verdictAmongWatching } from '#drivers';
import { differs } from './prove.js';

type Body = Readonly<Record<string, unknown>>;
type Command = Readonly<Record<string, Readonly<Record<string, Body>>>>;

const touchesMembers: ReadonlySet<string> = new Set(['add set', 'delete set', 'add element', 'delete element']);

/**
 * Whether a change that is to touch what watches a candidate, and members, touches nothing else, and decides nothing. Null: proved. What
 * stands there afterwards is read back and compared.
 */
export function proveWatching(commands: string): Diagnostic | null {
  const { nftables } = JSON.parse(commands) as { readonly nftables: readonly Command[] };
  const chains = new Set<string>();
  const rules: Body[] = [];
  for (const command of nftables) {
    const [verb, object] = onlyEntry(command);
    const [kind, body] = onlyEntry(object);
    const what = `${verb} ${kind}`;
    if (what === 'flush chain') chains.add(String(body['name']));
    else if (what === 'add rule') rules.push(body);
    else if (!touchesMembers.has(what)) return differs(`a change of what only watches has the command \`${what}\``);
  }
  const stray = [...chains, ...rules.map(({ chain }) => String(chain))].find((name) => !isWatching(name, noHook));
  if (stray !== undefined) return differs(`a change of what only watches touches chain \`${stray}\``);
  const table = parseTable(JSON.stringify({ nftables: [...tableOf(chains), ...rules.map((rule) => ({ rule }))] }));
  const wrong = table && verdictAmongWatching(table);
  return wrong ? differs(`a change of what only watches decides: ${wrong}`) : null;
}

/** Commands are made by our own driver: one with more in it is none of what is looked for. */
function onlyEntry<T>(of: Readonly<Record<string, T>>): readonly [string, T] {
  const [first, ...more] = Object.entries(of);
  if (!first || more.length > 0) throw new Error('a command of nft says one thing');
  return first;
}

const noHook = { hook: null };
const place = { family: 'inet', table: 'cordon' } as const;
const tableOf = (chains: ReadonlySet<string>): object[] => [
  { table: { family: 'inet', name: 'cordon' } },
  ...[...chains].map((name) => ({ chain: { ...place, name } })),
];
