import type { Connection } from '#model';
import { hasAddress, type Address } from '#net';
import { decideFlow } from '#policy';
import type { DesiredState } from './membership.js';

/**
 * Tracked connections that policy no longer allows: a stateful device would let their packets pass for ever. Those with
 * neither side in a device segment are not ours and stay.
 */
export function connectionsToCut(
  { rules, roles, snapshot }: DesiredState,
  connections: readonly Connection[],
): Connection[] {
  const side = (address: Address) => ({ address, class: roles.get(address)?.class ?? null });
  return connections.filter(({ source, destination, protocol, destinationPort }) => {
    if (!hasAddress(rules.scope, source) && !hasAddress(rules.scope, destination)) return false;
    // As the rules: the policy of the device that opened it, else of the one that was asked.
    const by = (roles.get(source) ?? roles.get(destination))?.snapshot ?? snapshot;
    const packet = { source: side(source), destination: side(destination), protocol, port: destinationPort };
    return decideFlow(by, packet).verdict === 'deny';
  });
}
