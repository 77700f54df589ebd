import { renderInventoryHeader, renderInventoryRow } from '#plan';
import { inventoryItems } from './commands/inventory.js';
import { queryOf } from './commands/query.js';
import type { ControllerClient } from './controller-client.js';
import { countOf, yellow } from './output.js';
import type { NamedText } from './policy-files.js';

export interface PolicyInForce {
  readonly commit: string;
  readonly files: ReadonlyMap<string, string>;
}

export async function policyInForce(client: ControllerClient): Promise<PolicyInForce> {
  const { commit, files } = await client.get<{ commit: string; files: Record<string, string> }>('/api/v1/policy/files');
  return { commit, files: new Map(Object.entries(files)) };
}

/** Registered devices with their addresses, as a file of `cordon inventory export --identifiers`. */
export async function registeredDevices(client: ControllerClient): Promise<NamedText> {
  const lines = [renderInventoryHeader('identified')];
  for await (const { mac, ...item } of inventoryItems(client))
    lines.push(renderInventoryRow('identified', { ...item, id: mac, count: 1 }));
  return { file: 'the inventory of the controller', text: lines.join('\n') };
}

/** As `GET /api/v1/flows/seen` gives it. */
interface SeenRow {
  readonly exporter: string;
  readonly sources: readonly { readonly address: string; readonly mac: string | null; readonly connections: number }[];
  readonly destination: string | null;
  readonly protocol: number;
  readonly port: number;
  readonly answered: 'yes' | 'no' | 'unknown';
  readonly firstAt: string;
  readonly lastAt: string;
  readonly packets: number;
  readonly connections: number;
}

/** What the controller keeps of flows that were seen. */
export interface SeenFlows extends NamedText {
  /** Connections of which only the sum is known: there were too many flows in an hour, or too many devices in a flow. */
  readonly unnamed: number;
}

const pageSize = 500;

/** A piece for each page: of all that is on the network within a month, the text is never in one place. */
export async function seenFlows(client: ControllerClient, since: Date): Promise<SeenFlows> {
  const text = [Buffer.from('first,last,source,source_mac,destination,protocol,port,packets,connections,answered\n')];
  let unnamed = 0;
  for (let cursor: string | null = null; ;) {
    const query = queryOf({ since: since.toISOString(), limit: `${pageSize}`, cursor });
    const page: { items: SeenRow[]; next: string | null } = await client.get(`/api/v1/flows/seen${query}`);
    text.push(Buffer.from(page.items.flatMap(linesOf).join('')));
    for (const row of page.items) unnamed += row.connections - namedOf(row);
    cursor = page.next;
    if (cursor === null) return { file: 'the flows of the controller', text, unnamed };
  }
}

export function warnOfUnnamed({ unnamed }: SeenFlows): void {
  if (unnamed > 0) process.stderr.write(`${yellow('warning')}: ${unnamedText(unnamed)}\n`);
}

export const unnamedText = (unnamed: number): string =>
  `of ${countOf(unnamed, 'connection')} the controller kept the number alone: there were too many to keep apart`;

const namedOf = ({ destination, sources }: SeenRow): number =>
  destination === null ? 0 : sources.reduce((sum, { connections }) => sum + connections, 0);

/** A line for each source. Packets are known of all of them together. */
function linesOf({ sources, destination, protocol, port, answered, firstAt, lastAt, packets }: SeenRow): string[] {
  if (destination === null) return [];
  const told = answered === 'unknown' ? '' : answered;
  return sources.map(({ address, mac, connections }, i) => {
    const ends = [address, mac ?? '', destination, protocol, port];
    return `${[firstAt, lastAt, ...ends, i === 0 ? packets : 0, connections, told].join()}\n`;
  });
}
