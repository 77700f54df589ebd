import type { Diagnostic } from '#base';
import { isIcmp, type AclEntry, type Family, type Interval, type PacketSpace } from '#net';
import { aclPackets, formatPacket } from '../acl-packets.js';
import type { Attribute } from '../packet.js';
import { carriersOf } from './acl-form.js';
import type { Authorization, NasProfile } from './profile.js';
import { aclFamiliesOf, toldAcl, whyNotEnforced } from './told-acl.js';

/**
 * Whether the attributes that a profile writes for an ACL mean that ACL, packet for packet: they are read back by a reader that
 * shares nothing with the writer, and both are compared as sets. Null when they do. What differs is named by one packet. Where a name
 * stands for the ACL, the name must be that of its content. Nothing else in the attributes may be an ACL to some switch.
 *
 * INVARIANT: no ACL goes to a switch for which this was not null-checked, at compile time or when the snapshot was taken.
 */
export function verifyAcl(
  space: PacketSpace,
  profile: NasProfile,
  wanted: Pick<Authorization, 'acl' | 'role' | 'portAcl'>,
  attributes: readonly Attribute[],
): Diagnostic | null {
  const unenforced = whyNotEnforced(profile, wanted);
  if (unenforced) return differs(unenforced.summary);
  const told = toldAcl(profile, wanted);
  const carriers = told?.form.carriers ?? [];
  const foreign = attributes.flatMap(carriersOf).find((carrier) => !carriers.includes(carrier));
  if (foreign) return differs(`there is an ACL in ${foreign}, which profile \`${profile.name}\` does not use for this`);
  if (!told) return null;
  const acl = told.acl.entries;
  const back = told.form.read(attributes, told.acl);
  if (!back.ok) return differs(`its own ACL is not understood: ${back.diagnostics[0]?.summary ?? 'no reason given'}`);
  const filtered = aclFamiliesOf(profile, wanted.portAcl);
  if (!isClosed(back.value, filtered))
    return differs('a family does not end in a deny of all: what a switch adds differs by make');
  if (saysTheSame(acl, back.value, filtered)) return null;
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

const isClosed = (entries: readonly AclEntry[], filtered: readonly Family[]): boolean =>
  filtered.every((family) => {
    const last = entries.findLast((entry) => entry.family === family);
    return last !== undefined && linesOf([last]) === '';
  });

/**
 * Line for line the same in each family, closing denies aside and one line for each ICMP type: then the sets are equal
 * without being made, which is what costs. Where lines differ, the sets decide.
 */
function saysTheSame(acl: readonly AclEntry[], back: readonly AclEntry[], filtered: readonly Family[]): boolean {
  return filtered.every((family) => {
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
