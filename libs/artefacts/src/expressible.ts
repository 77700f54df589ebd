import type { Diagnostic } from '#base';
import { hasPorts, isConsistentEntry, isIcmp, protocols, type AclEntry } from '#net';
import type { TargetCapabilities } from './target.js';

/**
 * Entries of an ACL that a target has no words for, as errors. A denying entry that can't be said would let through what it
 * denies, so it is refused like any other: no entry is ever left out.
 */
export function checkExpressible(
  target: string,
  capabilities: TargetCapabilities,
  acl: readonly AclEntry[],
): readonly Diagnostic[] {
  if (!capabilities.closesIpv6) {
    const summary = `\`${target}\` has no words to close IPv6: whatever it says, IPv6 might be open`;
    return [{ severity: 'error', code: 'not-expressible', summary, hint: 'choose another target for this switch' }];
  }
  return acl.flatMap((entry, i): Diagnostic[] => {
    const missing = missingWords(entry, capabilities);
    if (!missing) return [];
    const summary = `\`${target}\` has no words for entry ${i + 1} of the ACL: ${missing}`;
    const hint = 'choose another target for this class, or change the policy so that no such entry is needed';
    return [{ severity: 'error', code: 'not-expressible', summary, hint }];
  });
}

function missingWords(entry: AclEntry, can: TargetCapabilities): string | null {
  const { family, action, protocol, sourcePorts, destinationPorts, established } = entry;
  if (!isConsistentEntry(entry)) return 'its conditions do not fit together';
  if (family === 6 && action === 'permit' && !can.ipv6) return 'it permits IPv6';
  if (sourcePorts && !can.sourcePorts) return "it tells a reply by the device's own port";
  if (established && !can.established) return 'it is for replies of TCP connections only';
  if (destinationPorts && protocol !== null && isIcmp(protocol) && !can.icmpTypes) return 'it names an ICMP type';
  if (destinationPorts && protocol !== null && !isIcmp(protocol) && !hasPorts(protocol)) return 'it names ports';
  if (protocol === protocols.sctp && (sourcePorts ?? destinationPorts) && !can.sctpPorts) return 'it names SCTP ports';
  return action === 'deny' && !can.denies ? 'it denies' : null;
}
