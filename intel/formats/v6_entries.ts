/** The IPv6 entries of a feed while it is read: five words each. */
import { maskWord, type Prefix } from "../../engine/net/address.ts";
import { FeedError } from "../feed.ts";
import type { SortedEntries } from "./v4_entries.ts";

/** Four words of address, then `length * 256 + level`. */
const ROW = 5;

/** So many are looked through for equal ones before more room is made. */
const MERGE_FROM = 16_384;

/** As `V4Entries`. */
export class V6Entries {
  #rows = new Uint32Array(64 * ROW);
  #count = 0;

  /** @param max distinct entries at most */
  constructor(readonly max: number) {}

  /**
   * @param level 0 to 255
   * @throws FeedError where more than `max` differ
   */
  add(prefix: Prefix, level: number): void {
    if (this.#count * ROW === this.#rows.length) this.#makeRoom();
    const at = this.#count++ * ROW;
    this.#rows.set(prefix.words, at);
    this.#rows[at + 4] = prefix.length * 256 + level;
  }

  #makeRoom(): void {
    const length = this.#rows.length / ROW, most = Math.max(64, Math.ceil(1.5 * this.max));
    if (length >= Math.min(most, MERGE_FROM) && this.merge() <= length / 2) return;
    if (length >= most) return;
    const larger = new Uint32Array(Math.min(most, 2 * length) * ROW);
    larger.set(this.#rows);
    this.#rows = larger;
  }

  /** As `V4Entries.merge`. */
  merge(): number {
    const rows = this.#rows, order = sortedOrder(rows, this.#count);
    const merged = new Uint32Array(rows.length);
    let kept = 0;
    for (let at = 0; at < order.length; at++) {
      const row = order[at] * ROW;
      if (at + 1 < order.length && isSamePrefix(rows, row, order[at + 1] * ROW)) continue;
      for (let word = 0; word < ROW; word++) merged[kept * ROW + word] = rows[row + word];
      kept++;
    }
    this.#rows = merged;
    this.#count = kept;
    if (kept > this.max) throw new FeedError(`has more than ${this.max} IPv6 entries`);
    return kept;
  }

  /** As `V4Entries.uncovered`, four words a prefix. */
  uncovered(): SortedEntries {
    const rows = this.#rows;
    const words = new Int32Array(4 * this.#count), lengths = new Uint8Array(this.#count);
    const levels = new Uint8Array(this.#count);
    let kept = 0, last = -1;
    for (let row = 0; row < this.#count * ROW; row += ROW) {
      if (last >= 0 && isWithin(rows, last, row)) continue;
      last = row;
      for (let word = 0; word < 4; word++) words[4 * kept + word] = rows[row + word];
      lengths[kept] = rows[row + 4] >>> 8;
      levels[kept++] = rows[row + 4] & 255;
    }
    return {
      words: words.slice(0, 4 * kept),
      lengths: lengths.slice(0, kept),
      levels: levels.slice(0, kept),
    };
  }
}

function isSamePrefix(rows: Uint32Array, a: number, b: number): boolean {
  for (let word = 0; word < 4; word++) if (rows[a + word] !== rows[b + word]) return false;
  return rows[a + 4] >>> 8 === rows[b + 4] >>> 8;
}

/** Whether the prefix at `outer` holds the one at `row`, which comes after it in order. */
function isWithin(rows: Uint32Array, outer: number, row: number): boolean {
  const length = rows[outer + 4] >>> 8;
  for (let word = 0; word < 4; word++) {
    if (((rows[outer + word] ^ rows[row + word]) & maskWord(length - 32 * word)) !== 0) {
      return false;
    }
  }
  return true;
}

/**
 * The rows' numbers in the order of their words, by counting bytes from the last to the first.
 * A sort that compares would hold up the packets for seconds when a feed has a million of them.
 */
function sortedOrder(rows: Uint32Array, count: number): Uint32Array {
  let order = Uint32Array.from({ length: count }, (_, at) => at);
  let next = new Uint32Array(count);
  const starts = new Uint32Array(257);
  for (let word = ROW - 1; word >= 0; word--) {
    for (let shift = 0; shift < 32; shift += 8) {
      starts.fill(0);
      for (let at = 0; at < count; at++) starts[((rows[at * ROW + word] >>> shift) & 255) + 1]++;
      if (starts.indexOf(count) > 0) continue; // the same byte in each
      for (let byte = 1; byte < 256; byte++) starts[byte] += starts[byte - 1];
      for (let at = 0; at < count; at++) {
        const row = order[at];
        next[starts[(rows[row * ROW + word] >>> shift) & 255]++] = row;
      }
      [order, next] = [next, order];
    }
  }
  return order;
}
