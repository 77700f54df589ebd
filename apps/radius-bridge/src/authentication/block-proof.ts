import { PacketSpace } from '#net';
import type { AccessGrant, NasEntry, Snapshot } from '#policy/snapshot';
import { encodeAttributes, nasProfile, types, verifyAcl } from '#radius';
import { attributesOf } from './attribute-block.js';

/** What a switch may read as the ACL; VLAN and the like are not looked at. */
const aclTypes: ReadonlySet<number> = new Set([types.filterId, types.nasFilterRule, types.vendorSpecific]);

/**
 * Whether attribute blocks mean the port ACLs of a snapshot: read back from their bytes and compared, once for each ACL and make.
 *
 * It is asked for every snapshot, also for one whose policy was proved when it was compiled: that was another process, perhaps
 * of another release, and the digest is of the policy, not of the code that writes the blocks.
 */
export class BlockProof {
  private readonly space = new PacketSpace();
  private readonly results = new Map<string, string | null>();

  constructor(private readonly snapshot: Snapshot) {}

  /** Null: proved. Otherwise what differs, with a packet. */
  check(nas: NasEntry, grant: AccessGrant, block: Buffer): string | null {
    const profile = nasProfile(nas.profile);
    if (!profile) return `there is no NAS profile \`${nas.profile}\``;
    const attributes = attributesOf(block);
    if (!attributes) return 'the attribute block is malformed';
    const acl = attributes.filter(({ type }) => aclTypes.has(type));
    const key = `${nas.profile} ${nas.portAcl} ${grant.role} ${encodeAttributes(acl).toString('latin1')}`;
    let result = this.results.get(key);
    if (result === undefined) {
      const wanted = { acl: this.snapshot.portAcls[grant.role] ?? [], role: grant.role, portAcl: nas.portAcl };
      const difference = verifyAcl(this.space, profile, wanted, acl);
      result = difference && `\`${grant.role}\` in the words of ${nas.profile}: ${difference.summary}`;
      this.results.set(key, result);
    }
    return result;
  }
}
