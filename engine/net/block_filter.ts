/**
 * Which blocks of 256 IPv4 addresses (/24) any range touches, as bits: most addresses are in no list,
 * and one look tells.
 *
 * As long as few blocks are touched, blocks share bits and the whole stays in the processor's cache;
 * a bit that is set then only may mean the block. From some hundred thousand blocks on each has a bit
 * of its own (2 MiB).
 */

const BLOCKS_LOG2 = 24;
/** Bits for each touched block: one look in so many at an untouched block says "perhaps". */
const BITS_EACH = 16;
const SMALLEST_LOG2 = 13;
/** Odd, its bits well mixed: the golden ratio of 2^32 (Knuth, The Art of Computer Programming 6.4). */
const MULTIPLIER = 0x9e3779b1 | 0;

/** Immutable. */
export class BlockFilter {
  readonly #bits: Int32Array;
  readonly #multiplier: number;
  readonly #shift: number;

  /** @param starts first and last addresses of ranges, ascending and disjoint */
  constructor(starts: Uint32Array, ends: Uint32Array) {
    const sizeLog2 = sizeFor(starts, ends);
    this.#bits = new Int32Array(1 << (sizeLog2 - 5));
    this.#shift = 32 - sizeLog2;
    this.#multiplier = sizeLog2 === BLOCKS_LOG2 ? 1 : MULTIPLIER;
    for (let range = 0; range < starts.length; range++) {
      const last = ends[range] >>> 8;
      for (let block = starts[range] >>> 8; block <= last; block++) {
        const bit = Math.imul(block << 8, this.#multiplier) >>> this.#shift;
        this.#bits[bit >>> 5] |= 1 << (bit & 31);
      }
    }
  }

  /** False: no range touches the address's block. */
  mayHold(word: number): boolean {
    const bit = Math.imul(word & ~255, this.#multiplier) >>> this.#shift;
    return (this.#bits[bit >>> 5] & (1 << (bit & 31))) !== 0;
  }
}

/** Binary logarithm of the number of bits. */
function sizeFor(starts: Uint32Array, ends: Uint32Array): number {
  let blocks = 0, next = 0;
  for (let range = 0; range < starts.length; range++) {
    const last = ends[range] >>> 8;
    blocks += last + 1 - Math.max(next, starts[range] >>> 8);
    next = last + 1;
  }
  const sizeLog2 = Math.ceil(Math.log2(blocks * BITS_EACH));
  return Math.min(BLOCKS_LOG2, Math.max(SMALLEST_LOG2, sizeLog2));
}
