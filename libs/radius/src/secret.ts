import { md5Begin, md5BlockSize, md5DigestSize, md5End, type Md5State } from './md5.js';

const maxSecretLength = 1024;
const maxMessageLength = 4096;
const nothing = Buffer.alloc(0);
const innerDigest = Buffer.alloc(md5DigestSize);

/**
 * A shared secret (RFC 2865 §3) and the sums that are made with it. What the pads of HMAC (RFC 2104) come to is computed once per
 * secret. The secret itself can't be read back: it shows in no log and no JSON.
 *
 * Each sum is written where `out` says, which may be the message itself, or given in a Buffer of its own.
 */
export class Secret {
  readonly #secret: Buffer;
  readonly #inner: Md5State;
  readonly #outer: Md5State;

  constructor(secret: string | Buffer) {
    this.#secret = Buffer.from(secret);
    if (this.#secret.length === 0 || this.#secret.length > maxSecretLength)
      throw new RangeError(`a shared secret has 1 to ${maxSecretLength} bytes`);
    const key = this.#secret.length > md5BlockSize ? this.md5After(nothing) : this.#secret;
    const [inner, outer] = [Buffer.alloc(md5BlockSize, 0x36), Buffer.alloc(md5BlockSize, 0x5c)];
    for (const [i, byte] of key.entries()) {
      inner[i]! ^= byte;
      outer[i]! ^= byte;
    }
    this.#inner = md5Begin(inner);
    this.#outer = md5Begin(outer);
  }

  /** HMAC-MD5(secret, message), RFC 2104. */
  hmacMd5(message: Buffer, out: Buffer = Buffer.allocUnsafe(md5DigestSize), at = 0): Buffer {
    checkLength(message);
    md5End(message, nothing, innerDigest, 0, this.#inner, md5BlockSize);
    md5End(innerDigest, nothing, out, at, this.#outer, md5BlockSize);
    return out;
  }

  /** MD5(message + secret): the response and accounting authenticators (RFC 2865 §3, RFC 2866 §3). */
  md5After(message: Buffer, out: Buffer = Buffer.allocUnsafe(md5DigestSize), at = 0): Buffer {
    checkLength(message);
    md5End(message, this.#secret, out, at);
    return out;
  }

  /** MD5(secret + message): the key stream of hidden attributes (RFC 2865 §5.2, RFC 2868 §3.5). */
  md5Before(message: Buffer): Buffer {
    checkLength(message);
    const out = Buffer.allocUnsafe(md5DigestSize);
    md5End(Buffer.concat([this.#secret, message]), nothing, out, 0);
    return out;
  }
}

function checkLength({ length }: Buffer): void {
  if (length > maxMessageLength) throw new RangeError('message is longer than a RADIUS packet');
}
