/**
 * An immutable set of prefixes of both families, in typed arrays: a list of 120,000 addresses
 * costs 5 bytes an entry, not an object each.
 */
import {
  type Family,
  formatPrefix,
  maskWord,
  parsePrefix,
  parseV4Key,
  type Prefix,
  V4_KEY_STEP,
} from "./address.ts";

/** Sorted, without duplicates and without prefixes that another one covers. */
export class PrefixList {
  static readonly EMPTY: PrefixList = new PrefixList(
    new Int32Array(0),
    new Uint8Array(0),
    new Int32Array(0),
    new Uint8Array(0),
  );

  private constructor(
    /** IPv4: one word a prefix. */
    readonly v4: Int32Array,
    readonly v4Lengths: Uint8Array,
    /** IPv6: four words a prefix. */
    readonly v6: Int32Array,
    readonly v6Lengths: Uint8Array,
  ) {}

  /** Builds a list; order and repetition do not matter. */
  static from(prefixes: Iterable<Prefix>): PrefixList {
    const keys4: number[] = [], of6: Prefix[] = [];
    for (const prefix of prefixes) {
      if (prefix.family === 4) keys4.push(key4(prefix));
      else of6.push(prefix);
    }
    return PrefixList.#build(keys4, of6);
  }

  /** Builds a list from texts; throws a `RangeError` that names the first one it cannot read. */
  static parse(texts: Iterable<string>): PrefixList {
    const keys4: number[] = [], of6: Prefix[] = [];
    for (const text of texts) {
      const key = parseV4Key(text);
      if (key >= 0) {
        keys4.push(key);
        continue;
      }
      const prefix = parsePrefix(text);
      if (!prefix) throw new RangeError(`not an IP address or CIDR range: ${JSON.stringify(text)}`);
      if (prefix.family === 4) keys4.push(key4(prefix));
      else of6.push(prefix);
    }
    return PrefixList.#build(keys4, of6);
  }

  /**
   * Takes arrays that are sorted already, as another list had them; they belong to the list then.
   * Throws a `RangeError` where they are not what this class promises.
   */
  static fromArrays(
    v4: Int32Array,
    v4Lengths: Uint8Array,
    v6: Int32Array,
    v6Lengths: Uint8Array,
  ): PrefixList {
    requireSorted(4, v4, v4Lengths);
    requireSorted(6, v6, v6Lengths);
    return PrefixList.#of(v4, v4Lengths, v6, v6Lengths);
  }

  static #build(keys4: number[], of6: Prefix[]): PrefixList {
    if (keys4.length + of6.length === 0) return PrefixList.EMPTY;
    const v4 = withoutCovered4(keys4), v6 = withoutCovered(of6);
    const words = new Int32Array(v4.length), lengths = new Uint8Array(v4.length);
    for (let at = 0; at < v4.length; at++) {
      words[at] = Math.floor(v4[at] / V4_KEY_STEP);
      lengths[at] = v4[at] % V4_KEY_STEP;
    }
    return new PrefixList(
      words,
      lengths,
      Int32Array.from(v6.flatMap((prefix) => [...prefix.words])),
      Uint8Array.from(v6, (prefix) => prefix.length),
    );
  }

  /** Number of prefixes of one family. */
  count(family: Family): number {
    return family === 4 ? this.v4Lengths.length : this.v6Lengths.length;
  }

  /** Number of prefixes of both families. */
  get size(): number {
    return this.count(4) + this.count(6);
  }

  /** The prefixes of one family, in ascending order. */
  *prefixes(family: Family): Generator<Prefix> {
    for (let at = 0; at < this.count(family); at++) yield this.at(family, at);
  }

  /** One prefix of a family, by its place in the ascending order. */
  at(family: Family, at: number): Prefix {
    const { v4, v6 } = this;
    if (family === 4) return { family, words: [v4[at], 0, 0, 0], length: this.v4Lengths[at] };
    const words: Prefix["words"] = [v6[4 * at], v6[4 * at + 1], v6[4 * at + 2], v6[4 * at + 3]];
    return { family, words, length: this.v6Lengths[at] };
  }

  /** How many prefixes of its family lie before this one; the next ones are it or follow it. */
  rank(prefix: Prefix): number {
    let low = 0, high = this.count(prefix.family);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (comparePrefixes(this.at(prefix.family, middle), prefix) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The prefix that holds all of this one. */
  covering(prefix: Prefix): Prefix | undefined {
    const { family } = prefix, rank = this.rank(prefix);
    return [rank - 1, rank].filter((at) => at >= 0 && at < this.count(family))
      .map((at) => this.at(family, at)).find((one) => covers(one, prefix));
  }

  /** This list and one prefix more; the same object where another one covers it. */
  plus(prefix: Prefix): PrefixList {
    const { family } = prefix, from = this.rank(prefix);
    if (this.covering(prefix)) return this;
    let end = from;
    while (end < this.count(family) && covers(prefix, this.at(family, end))) end++;
    return this.#spliced(family, from, end, [prefix]);
  }

  /**
   * This list without one address; the same object where it is not there by itself. Nothing comes
   * to light behind an address, as it would behind a range that covered others.
   */
  minus(address: Prefix): PrefixList {
    const { family } = address, at = this.rank(address);
    const isThere = at < this.count(family) && comparePrefixes(this.at(family, at), address) === 0;
    return isThere ? this.#spliced(family, at, at + 1, []) : this;
  }

  #spliced(family: Family, from: number, end: number, put: readonly Prefix[]): PrefixList {
    const { v4, v4Lengths, v6, v6Lengths } = this;
    const lengths = put.map(({ length }) => length);
    if (family === 4) {
      const words = put.map(({ words }) => words[0]);
      return PrefixList.#of(
        splice(v4, from, end, words),
        splice(v4Lengths, from, end, lengths),
        v6,
        v6Lengths,
      );
    }
    const words = put.flatMap(({ words }) => [...words]);
    return PrefixList.#of(
      v4,
      v4Lengths,
      splice(v6, 4 * from, 4 * end, words),
      splice(v6Lengths, from, end, lengths),
    );
  }

  static #of(v4: Int32Array, v4Lengths: Uint8Array, v6: Int32Array, v6Lengths: Uint8Array) {
    if (v4Lengths.length + v6Lengths.length === 0) return PrefixList.EMPTY;
    return new PrefixList(v4, v4Lengths, v6, v6Lengths);
  }

  /** The prefixes of one family as text, in ascending order. */
  *texts(family: Family): Generator<string> {
    for (const prefix of this.prefixes(family)) yield formatPrefix(prefix);
  }
}

/** Other numbers in place of some in the middle. */
function splice<A extends Int32Array | Uint8Array>(
  array: A,
  from: number,
  end: number,
  put: readonly number[],
): A {
  const size = array.length - (end - from) + put.length;
  const result = new (array.constructor as new (size: number) => A)(size);
  result.set(array.subarray(0, from));
  result.set(put, from);
  result.set(array.subarray(end), from + put.length);
  return result;
}

/** As `comparePrefixes`, of one prefix of each list; lists are too long to make objects of them. */
export function comparePlaces(
  family: Family,
  a: PrefixList,
  atA: number,
  b: PrefixList,
  atB: number,
): number {
  const step = family === 4 ? 1 : 4;
  const wordsA = family === 4 ? a.v4 : a.v6, wordsB = family === 4 ? b.v4 : b.v6;
  for (let word = 0; word < step; word++) {
    const difference = (wordsA[step * atA + word] >>> 0) - (wordsB[step * atB + word] >>> 0);
    if (difference !== 0) return difference;
  }
  return family === 4 ? a.v4Lengths[atA] - b.v4Lengths[atB] : a.v6Lengths[atA] - b.v6Lengths[atB];
}

/** Ascending by address, then the wider prefix first. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  for (let at = 0; at < 4; at++) {
    const difference = (a.words[at] >>> 0) - (b.words[at] >>> 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Wants ascending prefixes, none within another, and no bits past their lengths. */
function requireSorted(family: Family, words: Int32Array, lengths: Uint8Array): void {
  const step = family === 4 ? 1 : 4, bits = 32 * step;
  if (words.length !== step * lengths.length) {
    throw new RangeError(`IPv${family}: ${words.length} words for ${lengths.length} prefixes`);
  }
  for (let at = 0; at < lengths.length; at++) {
    const length = lengths[at];
    const isPrefix = length <= bits && hasNoHostBits(words, step * at, step, length);
    if (!isPrefix || (at > 0 && !follows(words, step, at, lengths[at - 1]))) {
      throw new RangeError(`IPv${family}: prefix ${at} is not in order`);
    }
  }
}

function hasNoHostBits(words: Int32Array, from: number, step: number, length: number): boolean {
  for (let word = 0; word < step; word++) {
    if ((words[from + word] & ~maskWord(length - 32 * word)) !== 0) return false;
  }
  return true;
}

/** Whether a prefix lies above the one before it, which has this length, and not in it. */
function follows(words: Int32Array, step: number, at: number, before: number): boolean {
  for (let word = 0; word < step; word++) {
    const mask = maskWord(before - 32 * word);
    const difference = ((words[step * at + word] & mask) >>> 0) -
      (words[step * (at - 1) + word] >>> 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

/** Whether two lists hold the same prefixes. */
export function isSameList(a: PrefixList, b: PrefixList): boolean {
  return a === b || (isSameArray(a.v4, b.v4) && isSameArray(a.v4Lengths, b.v4Lengths) &&
    isSameArray(a.v6, b.v6) && isSameArray(a.v6Lengths, b.v6Lengths));
}

function isSameArray(a: Int32Array | Uint8Array, b: Int32Array | Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** Whether every address of `inner` lies in `outer`. */
export function covers(outer: Prefix, inner: Prefix): boolean {
  if (outer.family !== inner.family || outer.length > inner.length) return false;
  return outer.words.every((word, at) =>
    ((word ^ inner.words[at]) & maskWord(outer.length - 32 * at)) === 0
  );
}

/** As `parseV4Key`: one number, in the order of `comparePrefixes`. Lists are long, objects slow. */
function key4(prefix: Prefix): number {
  return (prefix.words[0] >>> 0) * V4_KEY_STEP + prefix.length;
}

/** The keys that remain, in ascending order. */
function withoutCovered4(keys: number[]): Float64Array {
  const sorted = Float64Array.from(keys).sort();
  let kept = 0, end = -1;
  for (const key of sorted) {
    const first = Math.floor(key / V4_KEY_STEP);
    if (first <= end) continue;
    sorted[kept++] = key;
    end = first + 2 ** (32 - key % V4_KEY_STEP) - 1;
  }
  return sorted.subarray(0, kept);
}

function withoutCovered(prefixes: Prefix[]): Prefix[] {
  prefixes.sort(comparePrefixes);
  const kept: Prefix[] = [];
  for (const prefix of prefixes) {
    // Sorted with the wider first, a covering prefix is always the last one kept.
    if (kept.length === 0 || !covers(kept[kept.length - 1], prefix)) kept.push(prefix);
  }
  return kept;
}
