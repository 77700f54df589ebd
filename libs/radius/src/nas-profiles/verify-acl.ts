import type { Diagnostic, Result } from '#base';
import { families, isIcmp, type AclEntry, type Interval, type PacketSpace } from '#net';
import { aclPackets, formatPacket } from '../acl-packets.js';
import type { Attribute } from '../packet.js';
import { parseCiscoAces } from './parse-cisco-aces.js';
import { parseNasFilterRules } from './parse-filter-rules.js';
import type { NasProfile } from './profile.js';

type AclReader = (attributes: readonly Attribute[]) => Result<readonly AclEntry[]>;

/** How each make's ACL is read back. A profile without a reader proves nothing, so nothing of it goes out. */
const readers: ReadonlyMap<string, AclReader> = new Map([
  ['rfc', parseNasFilterRules],
  ['cisco-ios-xe', parseCiscoAces],
]);

/**
 * Whether the attributes that a profile writes for an ACL mean that ACL, packet for packet: they are read back by a reader that
 * shares nothing with the writer, and both are compared as sets. Null when they do. What differs is named by one packet.
 *
 * INVARIANT: no ACL goes to a switch for which this was not null-checked, at compile time or when the snapshot was taken.
 */
export function verifyAcl(
  space: PacketSpace,
  profile: NasProfile,
  acl: readonly AclEntry[],
  attributes: readonly Attribute[],
): Diagnostic | null {
  const read = readers.get(profile.name);
  if (!read) return differs(`no reader for profile \`${profile.name}\`, so its ACLs can't be proved`);
  const back = read(attributes);
  if (!back.ok) return differs(`its own ACL is not understood: ${back.diagnostics[0]?.summary ?? 'no reason given'}`);
  if (!isClosed(back.value))
    return differs('a family does not end in a deny of all: what a switch adds differs by make');
  if (saysTheSame(acl, back.value)) return null;
  const intended = aclPackets(space, acl);
  const written = aclPackets(space, back.value);
  const extra = written.subtract(intended).witness;
  if (extra) return differs(`the switch would permit ${formatPacket(extra)}, the policy's ACL does not`);
  const missing = intended.subtract(written).witness;
  return missing && differs(`the switch would drop ${formatPacket(missing)}, the policy's ACL permits it`);
}

function differs(summary: string): Diagnostic {
  const hint = 'this is a fault of Cordon, not of the policy: report it; nothing of it was sent';
  return { severity: 'error', code: 'artefact-differs', summary, hint };
}

const isClosed = (entries: readonly AclEntry[]): boolean =>
  families.every((family) => {
    const last = entries.findLast((entry) => entry.family === family);
    return last !== undefined && linesOf([last]) === '';
  });

/**
 * Line for line the same in each family, closing denies aside and one line for each ICMP type: then the sets are equal
 * without being made, which is what costs. Where lines differ, the sets decide.
 */
function saysTheSame(acl: readonly AclEntry[], back: readonly AclEntry[]): boolean {
  return families.every((family) => {
    const [wanted, found] = [acl, back].map((entries) => linesOf(entries.filter((entry) => entry.family === family)));
    return wanted === found;
  });
}

const closingDeny = 'deny,,,,,';

/** Without closing denies, so empty for nothing but those. */
function linesOf(entries: readonly AclEntry[]): string {
  const lines = entries.flatMap((entry) => {
    const { action, protocol, sourcePorts, destination, destinationPorts, established } = entry;
    const to = destination && destination.length > 0 ? `${destination.value}/${destination.length}` : '';
    const flag = established ? 'established' : '';
    return portsOf(protocol, destinationPorts).map((ports) =>
      [action, protocol ?? '', rangeText(sourcePorts), to, ports, flag].join(','),
    );
  });
  while (lines.at(-1) === closingDeny) lines.pop();
  return lines.join('\n');
}

function portsOf(protocol: number | null, ports: Interval<number> | null): string[] {
  if (!ports || protocol === null || !isIcmp(protocol)) return [rangeText(ports)];
  return Array.from({ length: ports.last - ports.first + 1 }, (_, i) => `${ports.first + i}`);
}

function rangeText(ports: Interval<number> | null): string {
  if (!ports) return '';
  return ports.first === ports.last ? `${ports.first}` : `${ports.first}-${ports.last}`;
}
