/** Lists of prefixes of several feeds as one: merged, searched and thinned in their arrays. */
import { type Family, maskWord, type Prefix } from "../engine/net/address.ts";
import { PrefixList } from "../engine/net/prefix_list.ts";

/** The prefixes of one family: `step` words each, ascending, none within another. */
interface Column {
  readonly step: 1 | 4;
  readonly words: Int32Array;
  readonly lengths: Uint8Array;
}

function columnOf(list: PrefixList, family: Family): Column {
  return family === 4
    ? { step: 1, words: list.v4, lengths: list.v4Lengths }
    : { step: 4, words: list.v6, lengths: list.v6Lengths };
}

/** Everything that any of the lists holds. A single list is answered as it is. */
export function unionOf(lists: readonly PrefixList[]): PrefixList {
  if (lists.length === 0) return PrefixList.EMPTY;
  if (lists.length === 1) return lists[0];
  // By halves: a long list among a hundred is not walked a hundred times.
  const middle = lists.length >> 1;
  return unionOfTwo(unionOf(lists.slice(0, middle)), unionOf(lists.slice(middle)));
}

function unionOfTwo(a: PrefixList, b: PrefixList): PrefixList {
  if (a.size === 0) return b;
  if (b.size === 0) return a;
  const v4 = mergeColumns(columnOf(a, 4), columnOf(b, 4));
  const v6 = mergeColumns(columnOf(a, 6), columnOf(b, 6));
  return PrefixList.fromArrays(v4.words, v4.lengths, v6.words, v6.lengths);
}

function mergeColumns(a: Column, b: Column): Column {
  const { step } = a;
  const total = a.lengths.length + b.lengths.length;
  const words = new Int32Array(step * total), lengths = new Uint8Array(total);
  let fromA = 0, fromB = 0, kept = 0;
  while (fromA < a.lengths.length || fromB < b.lengths.length) {
    const isA = fromB >= b.lengths.length ||
      (fromA < a.lengths.length && compareAt(a, fromA, b, fromB) <= 0);
    const from = isA ? a : b, at = isA ? fromA++ : fromB++;
    // In ascending order with the wider first, what covers a prefix is the last one kept.
    if (kept > 0 && coversAt(words, kept - 1, lengths[kept - 1], from, at)) continue;
    for (let word = 0; word < step; word++) {
      words[step * kept + word] = from.words[step * at + word];
    }
    lengths[kept++] = from.lengths[at];
  }
  return { step, words: words.slice(0, step * kept), lengths: lengths.slice(0, kept) };
}

/** Ascending by address, then the wider first. */
function compareAt(a: Column, atA: number, b: Column, atB: number): number {
  const { step } = a;
  for (let word = 0; word < step; word++) {
    const difference = (a.words[step * atA + word] >>> 0) - (b.words[step * atB + word] >>> 0);
    if (difference !== 0) return difference;
  }
  return a.lengths[atA] - b.lengths[atB];
}

function coversAt(words: Int32Array, last: number, length: number, of: Column, at: number) {
  const { step } = of;
  if (length > of.lengths[at]) return false;
  for (let word = 0; word < step; word++) {
    const difference = words[step * last + word] ^ of.words[step * at + word];
    if ((difference & maskWord(length - 32 * word)) !== 0) return false;
  }
  return true;
}

/**
 * Place among the prefixes of that family of the one that holds this address, -1 where none does.
 * Allocates nothing: it is asked for packets.
 */
export function indexOfAddress(
  list: PrefixList,
  family: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): number {
  const at = lastUpTo(list, family, w0, w1, w2, w3);
  if (at < 0) return -1;
  if (family === 4) return ((list.v4[at] ^ w0) & maskWord(list.v4Lengths[at])) === 0 ? at : -1;
  const { v6 } = list, length = list.v6Lengths[at], word = 4 * at;
  return ((v6[word] ^ w0) & maskWord(length)) === 0 &&
      ((v6[word + 1] ^ w1) & maskWord(length - 32)) === 0 &&
      ((v6[word + 2] ^ w2) & maskWord(length - 64)) === 0 &&
      ((v6[word + 3] ^ w3) & maskWord(length - 96)) === 0
    ? at
    : -1;
}

/** Place of the last prefix that begins at or below an address, -1 where none does. */
function lastUpTo(
  list: PrefixList,
  family: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): number {
  return family === 4 ? lastUpTo4(list.v4, w0) : lastUpTo6(list.v6, w0, w1, w2, w3);
}

/** Apart from IPv6: it is asked for packets, and takes half as long as one search for both. */
function lastUpTo4(words: Int32Array, word: number): number {
  const address = word >>> 0;
  let low = 0, high = words.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((words[middle] >>> 0) > address) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}

function lastUpTo6(words: Int32Array, w0: number, w1: number, w2: number, w3: number): number {
  let low = 0, high = words.length >>> 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAboveAt(words, 4 * middle, w0, w1, w2, w3)) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}

function isAboveAt(
  words: Int32Array,
  at: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): boolean {
  if (words[at] !== w0) return (words[at] >>> 0) > (w0 >>> 0);
  if (words[at + 1] !== w1) return (words[at + 1] >>> 0) > (w1 >>> 0);
  if (words[at + 2] !== w2) return (words[at + 2] >>> 0) > (w2 >>> 0);
  return (words[at + 3] >>> 0) > (w3 >>> 0);
}

/** Places, from `first` to before `end`, of the prefixes that share an address with a range. */
export function overlapOf(list: PrefixList, range: Prefix): { first: number; end: number } {
  const { family, words, length } = range;
  const last = words.map((word, at) =>
    family === 4 && at > 0 ? 0 : word | ~maskWord(length - 32 * at)
  );
  const holder = indexOfAddress(list, family, ...words);
  // Those that begin within the range; without one that holds it, they begin after its first.
  const end = lastUpTo(list, family, last[0], last[1], last[2], last[3]) + 1;
  if (holder >= 0) return { first: holder, end };
  return { first: lastUpTo(list, family, ...words) + 1, end };
}

/** The list without the prefixes that share an address with one of `others`, and how many. */
export function withoutOverlaps(
  list: PrefixList,
  others: PrefixList,
): { list: PrefixList; removed: number } {
  const gone4 = overlapping(list, others, 4), gone6 = overlapping(list, others, 6);
  if (!gone4 && !gone6) return { list, removed: 0 };
  const v4 = without(columnOf(list, 4), gone4), v6 = without(columnOf(list, 6), gone6);
  const kept = PrefixList.fromArrays(v4.words, v4.lengths, v6.words, v6.lengths);
  return { list: kept, removed: list.size - kept.size };
}

/** 1 at the place of each prefix that shares an address with one of `others`; none, if none does. */
function overlapping(list: PrefixList, others: PrefixList, family: Family): Uint8Array | undefined {
  let places: Uint8Array | undefined;
  if (list.count(family) === 0) return places;
  for (const other of others.prefixes(family)) {
    const { first, end } = overlapOf(list, other);
    if (end > first) (places ??= new Uint8Array(list.count(family))).fill(1, first, end);
  }
  return places;
}

function without(column: Column, gone: Uint8Array | undefined): Column {
  if (!gone) return column;
  const { step, words, lengths } = column;
  return {
    step,
    words: words.filter((_, at) => gone[Math.floor(at / step)] === 0),
    lengths: lengths.filter((_, at) => gone[at] === 0),
  };
}
