/** The IPv4 entries of a feed while it is read: one number each. */
import { V4_KEY_STEP } from "../../engine/net/address.ts";
import { FeedError } from "../feed.ts";

/** The prefixes of one family, as `PrefixList` holds them, and a level each. */
export interface SortedEntries {
  readonly words: Int32Array;
  readonly lengths: Uint8Array;
  readonly levels: Uint8Array;
}

/** More than any level: an entry is `key * LEVEL_STEP + level`, which a double holds exactly. */
const LEVEL_STEP = 256;

/** So many are looked through for equal ones before more room is made. */
const MERGE_FROM = 65_536;

/** Grows as entries come; equal ones are merged when they are many, and at the end. */
export class V4Entries {
  #entries = new Float64Array(1024);
  #count = 0;

  /** @param max distinct entries at most */
  constructor(readonly max: number) {}

  /**
   * @param key as `parseV4Key` gives it
   * @param level 0 to 255
   * @throws FeedError where more than `max` differ
   */
  add(key: number, level: number): void {
    if (this.#count === this.#entries.length) this.#makeRoom();
    this.#entries[this.#count++] = key * LEVEL_STEP + level;
  }

  #makeRoom(): void {
    const length = this.#entries.length, most = Math.max(1024, Math.ceil(1.5 * this.max));
    // Of many some may repeat; where most of them do, there is room again.
    if (length >= Math.min(most, MERGE_FROM) && this.merge() <= length / 2) return;
    if (length >= most) return;
    const larger = new Float64Array(Math.min(most, 2 * length));
    larger.set(this.#entries);
    this.#entries = larger;
  }

  /**
   * Makes one of equal entries, the one with the highest level; they are in order afterwards.
   *
   * @returns how many remain
   * @throws FeedError where they are more than `max`
   */
  merge(): number {
    const sorted = this.#entries.subarray(0, this.#count).sort();
    let kept = 0;
    for (let at = 0; at < sorted.length; at++) {
      const next = at + 1 < sorted.length ? Math.floor(sorted[at + 1] / LEVEL_STEP) : -1;
      if (Math.floor(sorted[at] / LEVEL_STEP) !== next) sorted[kept++] = sorted[at];
    }
    this.#count = kept;
    if (kept > this.max) throw new FeedError(`has more than ${this.max} IPv4 entries`);
    return kept;
  }

  /** What remains without the entries that a wider one covers; `merge` must have been last. */
  uncovered(): SortedEntries {
    const words = new Int32Array(this.#count), lengths = new Uint8Array(this.#count);
    const levels = new Uint8Array(this.#count);
    let kept = 0, end = -1;
    for (let at = 0; at < this.#count; at++) {
      const key = Math.floor(this.#entries[at] / LEVEL_STEP);
      const first = Math.floor(key / V4_KEY_STEP), length = key % V4_KEY_STEP;
      if (first <= end) continue;
      end = first + 2 ** (32 - length) - 1;
      words[kept] = first;
      lengths[kept] = length;
      levels[kept++] = this.#entries[at] % LEVEL_STEP;
    }
    return {
      words: words.slice(0, kept),
      lengths: lengths.slice(0, kept),
      levels: levels.slice(0, kept),
    };
  }
}
