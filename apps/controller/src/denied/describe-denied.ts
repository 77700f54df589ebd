import {
  familyOf,
  formatService,
  hasAddress,
  hasPorts,
  isIcmp,
  parseAddress,
  serviceKey,
  type Address,
  type AddressMap,
  type AddressSet,
} from '#net';
import { decideFlow, type Snapshot } from '#policy';
import type { FlowTotal } from '../flows/flow-store.js';
import type { FlowSource } from '../flows/hourly-flow.js';

export interface DeniedView {
  readonly point: string;
  /** Class that the devices counted as when it was denied; null: none. */
  readonly class: string | null;
  /** Some of those who tried. */
  readonly sources: readonly (Pick<FlowSource, 'address' | 'mac'> & { readonly endpoints: readonly string[] })[];
  /** Null: several, of which there were too many to keep. */
  readonly destination: {
    readonly address: string;
    readonly endpoints: readonly string[];
    /** What a device there counts as now. */
    readonly class: string | null;
  } | null;
  readonly service: string | null;
  readonly packets: number;
  readonly firstAt: string;
  readonly lastAt: string;
  /** What the policy in force says of it: a deny that it would allow should not go on. Null where that can't be asked. */
  readonly now: {
    readonly verdict: 'allow' | 'deny';
    readonly reason: string;
    readonly rules: readonly { readonly file: string; readonly line: number; readonly text: string }[];
  } | null;
}

/** `roles`: of devices at that point now. The source is judged as what it counted as then. */
export function describeDenied(
  total: FlowTotal,
  snapshot: Snapshot | null,
  roles: AddressMap<{ readonly class: string }> | null,
): DeniedView {
  const { point, protocol, port, packets, firstAt, lastAt } = total;
  const destination = parseAddress(total.destination);
  const source = parseAddress(total.sources[0]?.address ?? '');
  const named = (address: Address | null): string[] => (address && snapshot ? endpointsAt(snapshot, address) : []);
  const known = snapshot?.classes.some(({ name }) => name === total.role) ?? false;
  const sourceClass = total.role === '' ? null : total.role;
  const destinationClass = (destination && roles?.get(destination)?.class) ?? null;
  const isAskable = snapshot && source && destination && (sourceClass === null || known);
  const verdict = isAskable
    ? decideFlow(snapshot, {
        source: { address: source, class: sourceClass },
        destination: { address: destination, class: destinationClass },
        protocol,
        port,
      })
    : null;
  const isWhole = !hasPorts(protocol) && !isIcmp(protocol);
  const service = { first: serviceKey(protocol, port), last: serviceKey(protocol, isWhole ? 0xffff : port) };
  return {
    point,
    class: sourceClass,
    sources: total.sources.map(({ address, mac }) => ({ address, mac, endpoints: named(parseAddress(address)) })),
    destination: destination && { address: total.destination, endpoints: named(destination), class: destinationClass },
    service: destination && formatService(service).join(),
    packets,
    firstAt,
    lastAt,
    now: verdict && {
      verdict: verdict.verdict,
      reason: verdict.reason,
      rules: verdict.rules.map(({ file, line, text }) => ({ file, line, text })),
    },
  };
}

/** Those that hold the address, the narrowest first, without the groups that these are in. */
export function endpointsAt({ endpoints }: Snapshot, address: Address): string[] {
  const holders = endpoints.filter(({ addresses }) => hasAddress(addresses, address));
  const groups = new Set(holders.flatMap(({ ancestors }) => ancestors));
  return holders
    .filter(({ name }) => !groups.has(name))
    .sort((a, b) => (sizeOf(a.addresses, address) < sizeOf(b.addresses, address) ? -1 : 1))
    .map(({ name }) => name);
}

const sizeOf = (addresses: AddressSet, { family }: Address): bigint =>
  familyOf(addresses, family).reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
