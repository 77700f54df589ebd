import { PacketSpace } from '#net';
import type { AccessGrant, NasEntry, Snapshot } from '#policy/snapshot';
import { decodePacket, encodeAttributes, nasProfile, types, verifyAcl, type Attribute } from '#radius';

/** What a switch may read as the ACL; VLAN and the like are not looked at. */
const aclTypes: ReadonlySet<number> = new Set([types.filterId, types.nasFilterRule, types.vendorSpecific]);
const headerLength = 20;
const accessAccept = 2;

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

/** As a switch takes them off a packet. */
function attributesOf(block: Buffer): readonly Attribute[] | null {
  const header = Buffer.alloc(headerLength);
  header[0] = accessAccept;
  header.writeUInt16BE(headerLength + block.length, 2);
  const packet = decodePacket(Buffer.concat([header, block]));
  return typeof packet === 'string' ? null : packet.attributes;
}
