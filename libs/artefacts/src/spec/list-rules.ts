import { noRules, stateOf, type EnforcementState, type Vlan } from '#model';
import { parsePrefix, type AclEntry, type Prefix } from '#net';

/* Lists as proofs of several drivers are tried with. */

export const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;

export const entry = (part: Partial<AclEntry>): AclEntry => ({
  action: 'permit',
  family: 4,
  protocol: 6,
  sourcePorts: null,
  destination: null,
  destinationPorts: null,
  established: false,
  ...part,
});

export const port = (first: number, last = first) => ({ first, last });

export const entries: readonly AclEntry[] = [
  entry({ sourcePorts: port(3613), destination: prefix('10.10.4.30'), established: true }),
  entry({ action: 'deny', destination: prefix('10.10.4.66') }),
  entry({ destination: prefix('10.10.4.0/24'), destinationPorts: port(443) }),
  entry({ protocol: 17, destinationPorts: port(5000, 5010) }),
  entry({ family: 6, destination: prefix('fd10:4::/64'), destinationPorts: port(443) }),
];

/** A list of these, and one that permits nothing. */
export const stateWithLists = (of: readonly AclEntry[], vlans: readonly Vlan[] = []): EnforcementState =>
  stateOf({
    ...noRules,
    lists: [
      { name: 'cordon-pump-1', entries: of },
      { name: 'cordon-nothing-2', entries: [] },
    ],
    vlans,
  });
