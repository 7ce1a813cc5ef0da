/**
 * A fast 64-bit hash over packet bytes, so that equal packets can be found in the database.
 *
 * Two 32-bit lanes in the manner of MurmurHash3 (Austin Appleby, public domain): multiply, rotate,
 * multiply, with a final avalanche. Not cryptographic: someone may craft two packets with one
 * hash, so nothing is decided by it.
 */

const C1 = 0xcc9e2d51 | 0;
const C2 = 0x1b873593 | 0;

/**
 * Hashes `bytes[start, end)` and writes the two words, low first, to `out[at]` and `out[at + 1]`.
 * Offsets outside the buffer are clamped; nothing is allocated.
 */
export function hashBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Int32Array,
  at: number,
): void {
  if (start < 0) start = 0;
  if (end > bytes.length) end = bytes.length;
  const length = end > start ? end - start : 0;
  let a = 0x2f0b4a27 | 0, b = 0x5bd1e995 | 0;
  let offset = start;
  const whole = start + (length & ~3);
  for (; offset < whole; offset += 4) {
    const word = bytes[offset] | (bytes[offset + 1] << 8) | (bytes[offset + 2] << 16) |
      (bytes[offset + 3] << 24);
    const mixed = Math.imul(rotate(Math.imul(word, C1), 15), C2);
    a = (Math.imul(rotate(a ^ mixed, 13), 5) + 0xe6546b64) | 0;
    b = (Math.imul(rotate(b ^ word, 17), C2) + a) | 0;
  }
  let tail = 0;
  for (let shift = 0; offset < start + length; offset++, shift += 8) tail |= bytes[offset] << shift;
  const mixedTail = Math.imul(rotate(Math.imul(tail, C1), 15), C2);
  a ^= mixedTail ^ length;
  b = (Math.imul(rotate(b ^ tail, 17), C2) + a) | 0;
  a = avalanche(a ^ b);
  b = avalanche((b + a) | 0);
  out[at] = a;
  out[at + 1] = b;
}

/** The 16 hex digits of a hash given as low and high word. */
export function formatHash(low: number, high: number): string {
  return hex8(high) + hex8(low);
}

function hex8(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** Every bit of the input changes about half of the output's bits. */
export function avalanche(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}
