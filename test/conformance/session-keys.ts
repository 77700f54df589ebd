import { secret } from './bed.js';
import { all, md5, type, type Parsed } from './wire.js';

const microsoft = 311;
export const sendKey = 16;
export const receiveKey = 17;

export interface HiddenKey {
  readonly salt: Buffer;
  readonly key: Buffer;
}

/** RFC 2548 §2.4.2: salt, then the key with its length in front and zeros behind it, hidden as in RFC 2865 §5.2. */
export function keyOf(accept: Parsed, request: Buffer, wanted: number): HiddenKey {
  const found = all(accept, type.vendorSpecific).filter(
    (value) => value.readUInt32BE() === microsoft && value[4] === wanted,
  );
  if (found.length !== 1) throw new Error(`key ${wanted} stands ${found.length} times`);
  const value = found[0]!.subarray(6);
  const salt = value.subarray(0, 2);
  const plain: Buffer[] = [];
  let previous = Buffer.concat([request.subarray(4, 20), salt]);
  for (let at = 2; at < value.length; at += 16) {
    const block = value.subarray(at, at + 16);
    const stream = md5(Buffer.from(secret), previous);
    plain.push(Buffer.from(block.map((octet, i) => octet ^ stream[i]!)));
    previous = Buffer.from(block);
  }
  const whole = Buffer.concat(plain);
  return { salt, key: whole.subarray(1, 1 + whole[0]!) };
}
