import { maxPacketLength, types } from '#radius';

const terminationActionRadiusRequest = 1;
const integerLength = 6;
const scratch = Buffer.alloc(2 * maxPacketLength);

/**
 * The attributes of one Access-Accept: the block of its grant, then what is individual to the session. The answer is valid
 * until the next call: the reply takes a copy, and each authentication passes here.
 */
export function acceptAttributes(block: Buffer, sessionTimeout: number, decisionId: string): Buffer {
  if (block.length > maxPacketLength) return block; // refused as too long all the same
  let at = block.copy(scratch);
  at = writeInteger(at, types.sessionTimeout, sessionTimeout);
  at = writeInteger(at, types.terminationAction, terminationActionRadiusRequest);
  scratch[at] = types.class;
  scratch[at + 1] = 2 + decisionId.length;
  at += 2 + scratch.write(decisionId, at + 2, 'latin1');
  return scratch.subarray(0, at);
}

function writeInteger(at: number, type: number, value: number): number {
  scratch[at] = type;
  scratch[at + 1] = integerLength;
  return scratch.writeUInt32BE(value, at + 2);
}
