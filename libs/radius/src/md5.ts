/*
 * MD5 (RFC 1321), because RADIUS is made of it: four sums of some hundred bytes for each authentication. OpenSSL's is as fast by the
 * block, but a call of it costs as much as three blocks, and it can't begin where another sum ended, as HMAC wants. In JavaScript the
 * sums of a MAC authentication take a third of the time. The tests compare it with OpenSSL's.
 */

export const md5BlockSize = 64;
export const md5DigestSize = 16;

/** What a sum has come to after whole blocks. */
export type Md5State = Readonly<Int32Array>;

const initial: Md5State = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
const state = new Int32Array(4);

/** The state after `bytes`, whose length is a multiple of the block size. */
export function md5Begin(bytes: Uint8Array): Md5State {
  state.set(initial);
  for (let at = 0; at < bytes.length; at += md5BlockSize) addBlock(bytes, at);
  return Int32Array.from(state);
}

/** The end of a message and its padding (RFC 1321 §3.1, §3.2). */
const tail = new Uint8Array(2048);

/**
 * Writes the digest of what `begun` stands for, `before` bytes long, then `message`, then `suffix`, of at most 1,900 bytes. The
 * digest may be written into the message itself.
 */
export function md5End(
  message: Uint8Array,
  suffix: Uint8Array,
  out: Uint8Array,
  at: number,
  begun: Md5State = initial,
  before = 0,
): void {
  state[0] = begun[0]!;
  state[1] = begun[1]!;
  state[2] = begun[2]!;
  state[3] = begun[3]!;
  let done = 0;
  for (; done + md5BlockSize <= message.length; done += md5BlockSize) addBlock(message, done);
  let rest = 0;
  for (; done < message.length; done++) tail[rest++] = message[done]!;
  for (let i = 0; i < suffix.length; i++) tail[rest++] = suffix[i]!;
  const end = padTail(rest, before + message.length + suffix.length);
  for (let block = 0; block < end; block += md5BlockSize) addBlock(tail, block);
  for (let i = 0; i < 4; i++) {
    const word = state[i]!;
    out[at + 4 * i] = word;
    out[at + 4 * i + 1] = word >>> 8;
    out[at + 4 * i + 2] = word >>> 16;
    out[at + 4 * i + 3] = word >>> 24;
  }
}

/** A bit, zeros, and the number of bits, little-endian; of packets, the upper four bytes are zero. Gives the length. */
function padTail(from: number, total: number): number {
  let at = from;
  tail[at++] = 0x80;
  while (at % md5BlockSize !== md5BlockSize - 8) tail[at++] = 0;
  const bits = total * 8;
  tail[at++] = bits;
  tail[at++] = bits >>> 8;
  tail[at++] = bits >>> 16;
  tail[at++] = bits >>> 24;
  for (let i = 0; i < 4; i++) tail[at++] = 0;
  return at;
}

/** The compression function, written out: each line is one step of RFC 1321 §3.4. */
function addBlock(m: Uint8Array, at: number): void {
  const x0 = m[at + 0]! | (m[at + 1]! << 8) | (m[at + 2]! << 16) | (m[at + 3]! << 24);
  const x1 = m[at + 4]! | (m[at + 5]! << 8) | (m[at + 6]! << 16) | (m[at + 7]! << 24);
  const x2 = m[at + 8]! | (m[at + 9]! << 8) | (m[at + 10]! << 16) | (m[at + 11]! << 24);
  const x3 = m[at + 12]! | (m[at + 13]! << 8) | (m[at + 14]! << 16) | (m[at + 15]! << 24);
  const x4 = m[at + 16]! | (m[at + 17]! << 8) | (m[at + 18]! << 16) | (m[at + 19]! << 24);
  const x5 = m[at + 20]! | (m[at + 21]! << 8) | (m[at + 22]! << 16) | (m[at + 23]! << 24);
  const x6 = m[at + 24]! | (m[at + 25]! << 8) | (m[at + 26]! << 16) | (m[at + 27]! << 24);
  const x7 = m[at + 28]! | (m[at + 29]! << 8) | (m[at + 30]! << 16) | (m[at + 31]! << 24);
  const x8 = m[at + 32]! | (m[at + 33]! << 8) | (m[at + 34]! << 16) | (m[at + 35]! << 24);
  const x9 = m[at + 36]! | (m[at + 37]! << 8) | (m[at + 38]! << 16) | (m[at + 39]! << 24);
  const x10 = m[at + 40]! | (m[at + 41]! << 8) | (m[at + 42]! << 16) | (m[at + 43]! << 24);
  const x11 = m[at + 44]! | (m[at + 45]! << 8) | (m[at + 46]! << 16) | (m[at + 47]! << 24);
  const x12 = m[at + 48]! | (m[at + 49]! << 8) | (m[at + 50]! << 16) | (m[at + 51]! << 24);
  const x13 = m[at + 52]! | (m[at + 53]! << 8) | (m[at + 54]! << 16) | (m[at + 55]! << 24);
  const x14 = m[at + 56]! | (m[at + 57]! << 8) | (m[at + 58]! << 16) | (m[at + 59]! << 24);
  const x15 = m[at + 60]! | (m[at + 61]! << 8) | (m[at + 62]! << 16) | (m[at + 63]! << 24);
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  // RFC 1321 §3.4, round 1.
  a = (a + (d ^ (b & (c ^ d))) + x0 - 680876936) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + (c ^ (a & (b ^ c))) + x1 - 389564586) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + (b ^ (d & (a ^ b))) + x2 + 606105819) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + (a ^ (c & (d ^ a))) + x3 - 1044525330) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + (d ^ (b & (c ^ d))) + x4 - 176418897) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + (c ^ (a & (b ^ c))) + x5 + 1200080426) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + (b ^ (d & (a ^ b))) + x6 - 1473231341) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + (a ^ (c & (d ^ a))) + x7 - 45705983) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + (d ^ (b & (c ^ d))) + x8 + 1770035416) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + (c ^ (a & (b ^ c))) + x9 - 1958414417) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + (b ^ (d & (a ^ b))) + x10 - 42063) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + (a ^ (c & (d ^ a))) + x11 - 1990404162) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + (d ^ (b & (c ^ d))) + x12 + 1804603682) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + (c ^ (a & (b ^ c))) + x13 - 40341101) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + (b ^ (d & (a ^ b))) + x14 - 1502002290) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + (a ^ (c & (d ^ a))) + x15 + 1236535329) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  // RFC 1321 §3.4, round 2.
  a = (a + (c ^ (d & (b ^ c))) + x1 - 165796510) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + (b ^ (c & (a ^ b))) + x6 - 1069501632) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + (a ^ (b & (d ^ a))) + x11 + 643717713) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + (d ^ (a & (c ^ d))) + x0 - 373897302) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + (c ^ (d & (b ^ c))) + x5 - 701558691) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + (b ^ (c & (a ^ b))) + x10 + 38016083) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + (a ^ (b & (d ^ a))) + x15 - 660478335) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + (d ^ (a & (c ^ d))) + x4 - 405537848) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + (c ^ (d & (b ^ c))) + x9 + 568446438) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + (b ^ (c & (a ^ b))) + x14 - 1019803690) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + (a ^ (b & (d ^ a))) + x3 - 187363961) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + (d ^ (a & (c ^ d))) + x8 + 1163531501) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + (c ^ (d & (b ^ c))) + x13 - 1444681467) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + (b ^ (c & (a ^ b))) + x2 - 51403784) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + (a ^ (b & (d ^ a))) + x7 + 1735328473) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + (d ^ (a & (c ^ d))) + x12 - 1926607734) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  // RFC 1321 §3.4, round 3.
  a = (a + (b ^ c ^ d) + x5 - 378558) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + (a ^ b ^ c) + x8 - 2022574463) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + (d ^ a ^ b) + x11 + 1839030562) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + (c ^ d ^ a) + x14 - 35309556) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + (b ^ c ^ d) + x1 - 1530992060) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + (a ^ b ^ c) + x4 + 1272893353) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + (d ^ a ^ b) + x7 - 155497632) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + (c ^ d ^ a) + x10 - 1094730640) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + (b ^ c ^ d) + x13 + 681279174) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + (a ^ b ^ c) + x0 - 358537222) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + (d ^ a ^ b) + x3 - 722521979) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + (c ^ d ^ a) + x6 + 76029189) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + (b ^ c ^ d) + x9 - 640364487) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + (a ^ b ^ c) + x12 - 421815835) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + (d ^ a ^ b) + x15 + 530742520) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + (c ^ d ^ a) + x2 - 995338651) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  // RFC 1321 §3.4, round 4.
  a = (a + (c ^ (b | ~d)) + x0 - 198630844) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + (b ^ (a | ~c)) + x7 + 1126891415) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + (a ^ (d | ~b)) + x14 - 1416354905) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + (d ^ (c | ~a)) + x5 - 57434055) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (a + (c ^ (b | ~d)) + x12 + 1700485571) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + (b ^ (a | ~c)) + x3 - 1894986606) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + (a ^ (d | ~b)) + x10 - 1051523) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + (d ^ (c | ~a)) + x1 - 2054922799) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (a + (c ^ (b | ~d)) + x8 + 1873313359) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + (b ^ (a | ~c)) + x15 - 30611744) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + (a ^ (d | ~b)) + x6 - 1560198380) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + (d ^ (c | ~a)) + x13 + 1309151649) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (a + (c ^ (b | ~d)) + x4 - 145523070) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + (b ^ (a | ~c)) + x11 - 1120210379) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + (a ^ (d | ~b)) + x2 + 718787259) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + (d ^ (c | ~a)) + x9 - 343485551) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
}
