import { hasAddress, parseRange, addressSet, type Address, type Prefix } from '#net';
import type { Packet, PacketVerdict } from '../invariant.js';
import type { Direction } from './names.js';
import { parsePolicies } from './parse.js';
import type { ParsedPeer, ParsedPolicy, ParsedRule } from './policies.js';

/**
 * What NetworkPolicies do with a packet that opens a connection, by the Kubernetes documentation: a pod that no policy selects for a
 * direction lets everything pass in it; one that some do, what at least one rule of any of them allows; and a packet must pass at both of
 * its ends. The pods of a service are those at the addresses that its `base` says. Protocols other than TCP, UDP and SCTP the documentation leaves to the
 * network plugin; here a rule without ports allows them, and one with ports does not.
 *
 * It decides nothing by itself: what it does not know throws, for a guess would make a proof worthless.
 */
export function judgeByPolicies(text: string): (packet: Packet) => PacketVerdict {
  const policies = parsePolicies(text);
  for (const { name, foreign, selectsService } of policies) {
    if (foreign.length > 0) throw new Error(`no evaluation for ${name}: ${foreign[0]}`);
    if (!selectsService) throw new Error(`no evaluation for ${name}: it selects other pods than its service`);
  }
  const pods = policies.flatMap((policy) =>
    policy.part === 'base'
      ? [{ ...policy, set: addressSet(policy.addresses.split(',').flatMap((range) => parseRange(range) ?? [])) }]
      : [],
  );
  const at = (address: Address, direction: Direction, peer: Address, packet: Packet): PacketVerdict[] =>
    pods
      .filter(({ set }) => hasAddress(set, address))
      .map(({ namespace, service }) => {
        const selecting = policies.filter((policy) => policy.namespace === namespace && policy.service === service);
        return judgeAtPod(selecting, direction, peer, packet);
      });
  return (packet) => {
    const { source, destination } = packet;
    const verdicts = new Set([...at(source, 'to', destination, packet), ...at(destination, 'from', source, packet)]);
    if (verdicts.has('dropped')) return 'dropped';
    return verdicts.has('passed') ? 'passed' : 'untouched';
  };
}

function judgeAtPod(
  selecting: readonly ParsedPolicy[],
  direction: Direction,
  peer: Address,
  packet: Packet,
): PacketVerdict {
  const closing = selecting.filter(({ opens }) => opens[direction] !== null);
  if (closing.length === 0) return 'untouched';
  const opening = closing.filter(({ opens }) => opens[direction]?.some((rule) => allows(rule, peer, packet)));
  if (opening.length === 0) return 'dropped';
  // What `base` opens is what is out of scope.
  return opening.every(({ part }) => part === 'base') ? 'untouched' : 'passed';
}

function allows({ peers, ports }: ParsedRule, peer: Address, { protocol, port }: Packet): boolean {
  if (!peers.some((block) => isIn(block, peer))) return false;
  if (!ports) return true;
  return ports.some(
    (each) =>
      each.protocol === protocol && (each.ports === null || (each.ports.first <= port && port <= each.ports.last)),
  );
}

const isIn = ({ cidr, except }: ParsedPeer, address: Address): boolean =>
  covers(cidr, address) && !except.some((prefix) => covers(prefix, address));

function covers({ family, value, length }: Prefix, address: Address): boolean {
  const shift = BigInt((family === 4 ? 32 : 128) - length);
  return address.family === family && address.value >> shift === value >> shift;
}
