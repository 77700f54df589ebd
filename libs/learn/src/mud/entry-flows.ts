import type { Diagnostic } from '#base';
import { anyService, hasPorts, isIcmp, serviceAlgebra, serviceKey, type Interval, type ServiceSet } from '#net';
import { finding } from './codes.js';
import { echoes, wholeFamily, wholeProtocol, type FlowBox } from './flow-box.js';
import type { MudEntry, MudMatches } from './mud-file.js';
import { farSideOf, type MudBindings, type Peer } from './peers.js';

/**
 * An accepting entry as connections. An entry is about single packets: those that open a connection in its own direction, and
 * those that answer connections of the other one.
 */
export interface EntryFlows {
  readonly entry: MudEntry;
  readonly peer: Peer;
  /** Connections that it lets be opened in its direction. */
  readonly opens: ServiceSet;
  /** Connections of the other direction of which it lets every answer pass. */
  readonly answers: ServiceSet;
}

export type ReadEntry = { readonly flows: EntryFlows } | { readonly problem: Diagnostic };

const all: readonly Interval<number>[] = [{ first: 0, last: 0xffff }];
const isEvery = (ports: readonly Interval<number>[] | null): boolean =>
  ports === null || serviceAlgebra.equals(ports, all);

/** What an accepting entry allows, or why it can't be carried. */
export function flowsOfEntry(entry: MudEntry, bindings: MudBindings): ReadEntry {
  const { matches } = entry;
  if (!matches) return { problem: entry.problem! };
  const header = extensionHeader(entry, matches) ?? badIcmp(entry, matches);
  if (header) return { problem: header };
  const far = farSideOf(entry, matches, bindings);
  if ('problem' in far) return far;
  return { flows: { entry, peer: far.peer, ...servicesOf(entry, matches) } };
}

function servicesOf(entry: MudEntry, matches: MudMatches): Pick<EntryFlows, 'opens' | 'answers'> {
  const { sourcePorts, destinationPorts, initiated, direction } = { ...matches, ...entry };
  const isReply = echoes.some(({ protocol, reply }) => protocol === matches.protocol && reply === matches.icmpType);
  const mayOpen = (initiated === null || initiated === direction) && isEvery(sourcePorts) && !isReply;
  const mayAnswer = (initiated === null || initiated !== direction) && isEvery(destinationPorts);
  return {
    opens: mayOpen ? openedServices(matches, destinationPorts) : [],
    answers: mayAnswer ? answeredServices(matches, sourcePorts) : [],
  };
}

function openedServices({ protocol, icmpType }: MudMatches, ports: readonly Interval<number>[] | null): ServiceSet {
  if (protocol === null) return anyService;
  if (isIcmp(protocol)) return icmpTypeOr(protocol, icmpType);
  return hasPorts(protocol) && ports ? portsOf(protocol, ports) : wholeProtocol(protocol);
}

/** By what the answer looks like: its source port is that of the service, an echo reply answers an echo request. */
function answeredServices({ protocol, icmpType }: MudMatches, ports: readonly Interval<number>[] | null): ServiceSet {
  if (protocol === null) return anyService;
  const echo = echoes.find((one) => one.protocol === protocol);
  if (echo) return icmpType === null || icmpType === echo.reply ? icmpTypeOr(protocol, echo.request) : [];
  return hasPorts(protocol) && ports ? portsOf(protocol, ports) : wholeProtocol(protocol);
}

const portsOf = (protocol: number, ports: readonly Interval<number>[]): ServiceSet =>
  ports.map(({ first, last }) => ({ first: serviceKey(protocol, first), last: serviceKey(protocol, last) }));

const icmpTypeOr = (protocol: number, number: number | null): ServiceSet =>
  number === null ? wholeProtocol(protocol) : portsOf(protocol, [{ first: number, last: number }]);

/** Hop-by-hop, routing, fragment, destination options, mobility, HIP, shim6 (RFC 7045 §4): what follows them is the protocol. */
const headers = new Set([0, 43, 44, 60, 135, 139, 140]);

function extensionHeader({ family, span }: MudEntry, { protocol }: MudMatches): Diagnostic | null {
  if (family !== 6 || protocol === null || !headers.has(protocol)) return null;
  const summary = `IPv6 next header ${protocol} is an extension header, no protocol`;
  return finding('mud-extension-header', summary, 'write a rule for the protocol behind it by hand', span);
}

/** Echo has code 0 and no other (RFC 792, RFC 4443 §4): there it says nothing that the type doesn't. */
function badIcmp({ span }: MudEntry, { protocol, icmpType, icmpCode }: MudMatches): Diagnostic | null {
  if (icmpCode === null) return null;
  const echo = echoes.find((one) => one.protocol === protocol);
  if (icmpCode === 0 && echo && (icmpType === echo.request || icmpType === echo.reply)) return null;
  const summary = `policy can't say ICMP code ${icmpCode}, only types`;
  return finding('mud-icmp-code', summary, 'write a rule for the whole type by hand, if that is not too much', span);
}

/** What a drop may match at the most: conditions that can't be carried are not looked at, which makes it wider. */
export interface DropFlows {
  readonly opens: FlowBox;
  readonly answers: FlowBox;
  /** A class: which addresses it stops is not known. */
  readonly isVague: boolean;
}

export function widestDrop(entry: MudEntry, bindings: MudBindings): DropFlows {
  const { matches } = entry;
  const everyone = wholeFamily(entry.family!);
  if (!matches || extensionHeader(entry, matches)) {
    const box = { addresses: everyone, services: anyService };
    return { opens: box, answers: box, isVague: true };
  }
  const far = farSideOf(entry, matches, bindings);
  const isVague = 'problem' in far || far.peer.class !== null;
  const addresses = isVague ? everyone : far.peer.addresses;
  const { initiated, direction } = { ...matches, ...entry };
  const none = { addresses, services: [] };
  return {
    opens:
      initiated === null || initiated === direction
        ? { addresses, services: openedServices(matches, matches.destinationPorts) }
        : none,
    answers:
      initiated === null || initiated !== direction
        ? { addresses, services: answeredServices(matches, matches.sourcePorts) }
        : none,
    isVague,
  };
}
