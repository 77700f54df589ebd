import type { Connection } from '#model';
import { hasAddress, type Address } from '#net';
import { criticalRoleOf, decideFlow, type Snapshot } from '#policy';
import type { DesiredState } from './membership.js';

/**
 * Tracked connections that policy no longer allows: a stateful device would let their packets pass for ever. Those with
 * neither side in a device segment are not ours and stay.
 */
export function connectionsToCut(
  snapshot: Snapshot,
  { rules, roles }: DesiredState,
  connections: readonly Connection[],
): Connection[] {
  const side = (address: Address) => ({ address, class: roles.get(address) ?? criticalRoleOf(snapshot, address) });
  return connections.filter(({ source, destination, protocol, destinationPort }) => {
    if (!hasAddress(rules.scope, source) && !hasAddress(rules.scope, destination)) return false;
    const packet = { source: side(source), destination: side(destination), protocol, port: destinationPort };
    return decideFlow(snapshot, packet).verdict === 'deny';
  });
}
