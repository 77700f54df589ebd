import type { Connection, Membership } from '#model';
import { hasAddress, type Address } from '#net';
import { criticalRoleOf, decideFlow } from '#policy';
import type { DesiredState } from './membership.js';

/**
 * Tracked connections that policy no longer allows: a stateful device would let their packets pass for ever. Those with
 * neither side in a device segment are not ours and stay.
 */
export function connectionsToCut(
  { rules, roles, snapshot }: DesiredState,
  connections: readonly Connection[],
): Connection[] {
  const side = (address: Address) => ({
    address,
    class: roles.get(address)?.class ?? criticalRoleOf(snapshot, address),
  });
  return connections.filter(({ source, destination, protocol, destinationPort }) => {
    if (!hasAddress(rules.scope, source) && !hasAddress(rules.scope, destination)) return false;
    // As the rules: the policy of the device that opened it, else of the one that was asked.
    const by = (roles.get(source) ?? roles.get(destination))?.snapshot ?? snapshot;
    const packet = { source: side(source), destination: side(destination), protocol, port: destinationPort };
    return decideFlow(by, packet).verdict === 'deny';
  });
}

/** Addresses that are in another class than before, or were or are in none. */
export function movedAddresses(before: Membership, after: Membership): ReadonlySet<string> {
  const nobody: ReadonlySet<string> = new Set();
  const moved = new Set<string>();
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(name) ?? nobody, after.get(name) ?? nobody];
    if (old !== now) for (const address of old.symmetricDifference(now)) moved.add(address);
  }
  return moved;
}
