import { append } from '#base';
import { addressAlgebra, bitsOf, families, maxOf, type Family } from '../address.js';
import type { Interval } from '../interval.js';
import { protocols, serviceAlgebra, serviceKey, type ServiceSet } from '../service.js';
import type { Diagram, Node } from './diagram.js';
import { below, edges } from './edges.js';
import { ipv4, ipv6, level } from './fields.js';
import type { PacketPart } from './packet.js';

export function listParts(diagram: Diagram, root: Node): PacketPart[] {
  return families.flatMap((family) => new PartList(diagram, family).list(root));
}

/** The parts of one family. */
class PartList {
  constructor(
    private readonly diagram: Diagram,
    private readonly family: Family,
  ) {}

  list(root: Node): PacketPart[] {
    const out: PacketPart[] = [];
    const { family } = this;
    const every = [{ first: 0n, last: maxOf(family) }];
    const value = family === 4 ? ipv4 : ipv6;
    for (const { services, next } of this.byService(below(root, value), value))
      for (const [afterPorts, sourcePorts] of this.byValue(next, level.sourcePort))
        for (const [afterFlag, flags] of this.byValue(afterPorts, level.established))
          for (const [afterDestination, destination] of this.byAddress(afterFlag, level.destination))
            for (const [, source] of this.byAddress(afterDestination, level.source))
              out.push({
                family,
                services,
                sourcePorts,
                established: flags && flags[0]!.first === 1,
                destination: destination ?? every,
                source: source ?? every,
              });
    return out;
  }

  /** Groups of services that lead to the same node. */
  private byService(node: Node, family: number): { services: ServiceSet; next: Node }[] {
    const groups = new Map<Node, Interval<number>[]>();
    const { empty } = this.diagram;
    for (const { first, last, next } of edges(node, level.protocol)) {
      if (next === empty) continue;
      for (const ports of edges(next, level.destinationPort)) {
        if (ports.next === empty) continue;
        for (let protocol = first; protocol <= last; protocol++)
          append(groups, ports.next, {
            first: serviceKey(protocol, ports.first),
            last: serviceKey(protocol, ports.last),
          });
      }
    }
    const missing = family === ipv4 ? protocols.icmp6 : protocols.icmp;
    const gap = { first: serviceKey(missing, 0), last: serviceKey(missing, 0xffff) };
    return [...groups].map(([next, found]) => {
      const services = serviceAlgebra.normalize(found);
      // A protocol that does not exist in the family must not cut "any" in two.
      const isAround =
        services.some(({ last }) => last === gap.first - 1) && services.some(({ first }) => first === gap.last + 1);
      return { services: isAround ? serviceAlgebra.union(services, [gap]) : services, next };
    });
  }

  /** Values of one field by the node they lead to; null where the field is not looked at. */
  private byValue(node: Node, at: number): Map<Node, Interval<number>[] | null> {
    if (node.level !== at) return new Map([[node, null]]);
    const groups = new Map<Node, Interval<number>[]>();
    for (const { first, last, next } of edges(node, at)) {
      if (next === this.diagram.empty) continue;
      const found = groups.get(next);
      if (found) found.push({ first, last });
      else groups.set(next, [{ first, last }]);
    }
    return groups;
  }

  private byAddress(node: Node, at: number): Map<Node, readonly Interval<bigint>[] | null> {
    const width = bitsOf(this.family) / 32;
    if (node.level >= at + width) return new Map([[node, null]]);
    const groups = new Map<Node, Interval<bigint>[]>();
    // `prefix`: the words above `word`, as one number.
    const walk = (here: Node, word: number, prefix: bigint): void => {
      if (here === this.diagram.empty) return;
      if (here.level < at + width) {
        for (const { first, last, next } of edges(here, at + word)) {
          if (next.level >= at + width)
            add(next, word + 1, (prefix << 32n) | BigInt(first), (prefix << 32n) | BigInt(last));
          else {
            if (last - first > maxListed) throw new RangeError('a set of too many address ranges can not be listed');
            for (let value = first; value <= last; value++) walk(next, word + 1, (prefix << 32n) | BigInt(value));
          }
        }
      } else add(here, word, prefix, prefix);
    };
    const add = (next: Node, words: number, first: bigint, last: bigint): void => {
      if (next === this.diagram.empty) return;
      const open = BigInt(32 * (width - words));
      append(groups, next, { first: first << open, last: ((last + 1n) << open) - 1n });
    };
    walk(node, 0, 0n);
    return new Map([...groups].map(([next, found]) => [next, addressAlgebra.normalize(found)]));
  }
}

/** A set that looks at a low word of IPv6 addresses but not at the words above would have a range for each of their values. */
const maxListed = 0x1_0000;
