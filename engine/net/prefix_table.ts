/**
 * The hot path asks of every packet: which list, if any, holds this address? One table
 * answers for all lists at once, in time that hardly grows with their size.
 *
 * Prefixes of all lists become disjoint ranges, the earlier list winning, sorted in typed arrays.
 * For many IPv4 ranges an index over the first 16 bits bounds the binary search, and a filter over
 * the first 24 bits answers most addresses, which are in no list, with a single look.
 */
import { maskWord } from "./address.ts";
import type { PrefixList } from "./prefix_list.ts";
import { BlockFilter } from "./block_filter.ts";
import { type MakeRanges, overlay, type Ranges, ranges4, ranges6, type Words } from "./ranges.ts";

/** A list and the number that `lookup` gives for its addresses. */
export interface Layer {
  readonly list: PrefixList;
  /** Greater than 0. */
  readonly value: number;
}

/**
 * Below this many ranges a binary search over all of them is faster than a look into the filter or
 * the index, which the traffic pushes out of the processor's cache.
 */
const MANY_RANGES = 64;

/** Immutable; built once for each policy. */
export class PrefixTable {
  readonly #v4Starts: Uint32Array;
  readonly #v4Ends: Uint32Array;
  readonly #v4Values: Int32Array;
  /** Only of many ranges, as the filter. */
  readonly #v4Index: Uint32Array | undefined;
  readonly #v4Filter: BlockFilter | undefined;
  /** Four words a range; flipped so that signed comparison orders unsigned words. */
  readonly #v6Starts: Int32Array;
  readonly #v6Ends: Int32Array;
  readonly #v6Values: Int32Array;

  /** @param layers where lists overlap, the earlier one wins */
  constructor(layers: readonly Layer[]) {
    const v4 = mergeLayers(layers, rangesOf4, 1, ranges4);
    this.#v4Starts = new Uint32Array(v4.starts).slice(0, v4.count);
    this.#v4Ends = new Uint32Array(v4.ends).slice(0, v4.count);
    this.#v4Values = new Int32Array(v4.values).slice(0, v4.count);
    const hasMany = v4.count >= MANY_RANGES;
    this.#v4Index = hasMany ? indexByFirst16(this.#v4Ends) : undefined;
    this.#v4Filter = hasMany ? new BlockFilter(this.#v4Starts, this.#v4Ends) : undefined;
    const v6 = mergeLayers(layers, rangesOf6, 1n, ranges6);
    this.#v6Starts = flippedWords(v6.starts, v6.count);
    this.#v6Ends = flippedWords(v6.ends, v6.count);
    this.#v6Values = Int32Array.from(v6.values);
  }

  /** The value of the list that holds this IPv4 address, or 0. */
  lookupV4(word: number): number {
    const values = this.#v4Values;
    if (values.length === 0) return 0;
    const filter = this.#v4Filter;
    if (filter !== undefined && !filter.mayHold(word)) return 0;
    const address = word >>> 0;
    const ends = this.#v4Ends;
    let low = 0, high = values.length;
    const index = this.#v4Index;
    if (index !== undefined) {
      low = index[word >>> 16];
      high = index[(word >>> 16) + 1];
    }
    // The first range that ends at or after the address; it may be the one past the bucket.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle] < address) low = middle + 1;
      else high = middle;
    }
    return low < values.length && this.#v4Starts[low] <= address ? values[low] : 0;
  }

  /** The value of the list that holds this IPv6 address, or 0. */
  lookupV6(w0: number, w1: number, w2: number, w3: number): number {
    let high = this.#v6Values.length;
    if (high === 0) return 0;
    w0 ^= SIGN;
    w1 ^= SIGN;
    w2 ^= SIGN;
    w3 ^= SIGN;
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareAt(this.#v6Ends, middle, w0, w1, w2, w3) < 0) low = middle + 1;
      else high = middle;
    }
    if (low === this.#v6Values.length) return 0;
    return compareAt(this.#v6Starts, low, w0, w1, w2, w3) > 0 ? 0 : this.#v6Values[low];
  }

  /** The value for an address given as words. */
  lookup(family: number, w0: number, w1: number, w2: number, w3: number): number {
    return family === 4 ? this.lookupV4(w0) : this.lookupV6(w0, w1, w2, w3);
  }
}

const SIGN = 0x80000000 | 0;

/** Negative where the range's word quadruple lies below the address, positive where above. */
function compareAt(
  words: Int32Array,
  at: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): number {
  at <<= 2;
  if (words[at] !== w0) return words[at] < w0 ? -1 : 1;
  if (words[at + 1] !== w1) return words[at + 1] < w1 ? -1 : 1;
  if (words[at + 2] !== w2) return words[at + 2] < w2 ? -1 : 1;
  if (words[at + 3] !== w3) return words[at + 3] < w3 ? -1 : 1;
  return 0;
}

function mergeLayers<T extends number | bigint>(
  layers: readonly Layer[],
  rangesOf: (layer: Layer) => Ranges<T>,
  one: T,
  make: MakeRanges<T>,
): Ranges<T> {
  let merged = make(0);
  for (const layer of layers) merged = overlay(merged, rangesOf(layer), one, make);
  return merged;
}

function rangesOf4({ list, value }: Layer): Ranges<number> {
  const ranges = ranges4(list.count(4));
  for (let at = 0; at < list.count(4); at++) {
    ranges.starts[at] = list.v4[at];
    ranges.ends[at] = list.v4[at] | ~maskWord(list.v4Lengths[at]);
    ranges.values[at] = value;
  }
  ranges.count = list.count(4);
  return ranges;
}

function rangesOf6({ list, value }: Layer): Ranges<bigint> {
  const ranges = ranges6(list.count(6));
  for (let at = 0; at < list.count(6); at++) {
    ranges.starts[at] = wordsToBigInt(list.v6, 4 * at);
    ranges.ends[at] = ranges.starts[at] | hostBits(list.v6Lengths[at]);
    ranges.values[at] = value;
  }
  ranges.count = list.count(6);
  return ranges;
}

function wordsToBigInt(words: Int32Array, at: number): bigint {
  let value = 0n;
  for (let word = 0; word < 4; word++) value = (value << 32n) | BigInt(words[at + word] >>> 0);
  return value;
}

function hostBits(length: number): bigint {
  return (1n << BigInt(128 - length)) - 1n;
}

function flippedWords(values: Words<bigint>, count: number): Int32Array {
  const words = new Int32Array(4 * count);
  for (let at = 0; at < count; at++) {
    for (let word = 0; word < 4; word++) {
      words[4 * at + word] = Number((values[at] >> BigInt(96 - 32 * word)) & 0xffffffffn) ^ SIGN;
    }
  }
  return words;
}

/** For each value of the first 16 bits, the first range that ends in it or later. */
function indexByFirst16(ends: Uint32Array): Uint32Array {
  const index = new Uint32Array(65537);
  let range = 0;
  for (let first = 0; first <= 65536; first++) {
    while (range < ends.length && ends[range] < first * 65536) range++;
    index[first] = range;
  }
  return index;
}
