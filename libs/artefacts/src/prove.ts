import { failure, success, type Diagnostic, type Result } from '#base';
import type { AclEntry, ConcretePacket, PacketSet, PacketSpace } from '#net';
import { aclPackets, formatPacket } from '#radius';
import { checkExpressible } from './expressible.js';
import { filterPackets, type Filter } from './filter.js';
import type { PortTarget } from './target.js';

/** How two sets of packets differ; both empty when they don't. */
export interface Difference {
  /** Permitted, though it should not be. */
  readonly extra: PacketSet;
  /** Not permitted, though it should be. */
  readonly missing: PacketSet;
}

export function compare(intended: PacketSet, actual: PacketSet): Difference {
  return { extra: actual.subtract(intended), missing: intended.subtract(actual) };
}

export interface ProvenArtefact {
  readonly text: string;
  readonly filter: Filter;
}

/**
 * The only way out: renders, reads back what was rendered, and compares the sets. A text that is not understood by its own
 * parser, or that means anything but the ACL, is an error with a packet, and no text comes out.
 */
export function renderProved(
  space: PacketSpace,
  target: PortTarget,
  acl: readonly AclEntry[],
  name: string,
): Result<ProvenArtefact> {
  const wrong = checkExpressible(target.name, target.capabilities, acl);
  if (wrong.length > 0) return failure(wrong);
  const rendered = target.render(acl, name);
  if (!rendered.ok) return failure(rendered.diagnostics);
  const parsed = target.parse(rendered.value);
  if (!parsed.ok) return failure([differs(`its own parser does not understand it: ${parsed.diagnostics[0]?.summary}`)]);
  const { extra, missing } = compare(aclPackets(space, acl), filterPackets(space, parsed.value));
  const found = [
    ...witnessOf(extra, 'it would permit', 'the ACL does not'),
    ...witnessOf(missing, 'it would drop', 'the ACL permits it'),
  ];
  return found.length > 0 ? failure(found) : success({ text: rendered.value, filter: parsed.value });
}

function witnessOf(set: PacketSet, does: string, but: string): Diagnostic[] {
  const packet: ConcretePacket | null = set.witness;
  return packet ? [differs(`${does} ${formatPacket(packet)}, ${but}`)] : [];
}

function differs(summary: string): Diagnostic {
  const hint = 'this is a fault of Cordon, not of the policy: report it; nothing of it was given out';
  return { severity: 'error', code: 'artefact-differs', summary, hint };
}
