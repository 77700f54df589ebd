import { sha256 } from '#base';

/** A NetworkPolicy with so many peers is some 45 KB: quick to send when one of them changes, far below the 1.5 MB that etcd takes. */
export const mostPeers = 1000;

export interface Piece {
  /** Bits of the hashes of all members; empty when there is but one piece. */
  readonly bits: string;
  readonly members: readonly string[];
}

/**
 * Splits members by the bits of their hashes until each piece is small enough. What is there decides and not how it came to be, and
 * a member that comes or goes changes one piece, or splits or joins one.
 */
export function piecesOf(members: readonly string[]): Piece[] {
  if (members.length <= mostPeers) return members.length === 0 ? [] : [{ bits: '', members }];
  return split(
    '',
    members.map((member) => ({
      member,
      bits: Number.parseInt(sha256(member).slice(0, 8), 16).toString(2).padStart(32, '0'),
    })),
  );
}

function split(bits: string, members: readonly { readonly member: string; readonly bits: string }[]): Piece[] {
  if (members.length <= mostPeers || bits.length === 32)
    return members.length === 0 ? [] : [{ bits, members: members.map(({ member }) => member) }];
  return ['0', '1'].flatMap((bit) => {
    const next = bits + bit;
    return split(
      next,
      members.filter((each) => each.bits.startsWith(next)),
    );
  });
}
