/** What a feed's reader has found so far: entries checked and kept, refusals counted. */
import { parsePrefix, parseV4Key, type Prefix, V4_KEY_STEP } from "../../engine/net/address.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import {
  type FeedContent,
  FeedError,
  type FeedFormat,
  type RefusalCause,
  type Refusals,
} from "../feed.ts";
import { specialCause4, specialCause6 } from "../special_ranges.ts";
import { V4Entries } from "./v4_entries.ts";
import { V6Entries } from "./v6_entries.ts";

/** The longest text of a prefix: IPv6 with a dotted quad, `/128`. */
const LONGEST_PREFIX = 49;

/** Takes entries one by one; each call of `add…` or `refuse` is one record of the feed. */
export class FeedEntries {
  readonly #v4: V4Entries;
  readonly #v6: V6Entries;
  readonly #refused: Refusals = {};
  #records = 0;

  /** @param maxEntries distinct entries at most; a quarter of it for IPv6, which takes more room */
  constructor(readonly maxEntries: number) {
    this.#v4 = new V4Entries(maxEntries);
    this.#v6 = new V6Entries(Math.ceil(maxEntries / 4));
  }

  /** Records so far, refused ones among them. */
  get records(): number {
    return this.#records;
  }

  /** Records so far that no address could be found in. */
  get malformed(): number {
    return this.#refused.malformed ?? 0;
  }

  /** Counts a record that is not applied. */
  refuse(cause: RefusalCause): void {
    this.#records++;
    this.#refused[cause] = (this.#refused[cause] ?? 0) + 1;
  }

  /** An address or CIDR range as text. @param level 0 to 255 */
  addText(text: string, level: number): void {
    const key = parseV4Key(text);
    if (key >= 0) return this.addV4(key, level);
    const prefix = text.length <= LONGEST_PREFIX ? parsePrefix(text) : undefined;
    if (!prefix) return this.refuse("malformed");
    if (prefix.family === 6) return this.#addV6(prefix, level);
    this.addV4((prefix.words[0] >>> 0) * V4_KEY_STEP + prefix.length, level);
  }

  /** An IPv4 address or range. @param key as `parseV4Key` gives it */
  addV4(key: number, level: number): void {
    const cause = specialCause4(Math.floor(key / V4_KEY_STEP) | 0, key % V4_KEY_STEP);
    if (cause) return this.refuse(cause);
    this.#records++;
    this.#v4.add(key, level);
  }

  #addV6(prefix: Prefix, level: number): void {
    const cause = specialCause6(prefix);
    if (cause) return this.refuse(cause);
    this.#records++;
    this.#v6.add(prefix, level);
  }

  /**
   * What the feed says, once all of it was read.
   *
   * @param unit what the feed's records are, in the plural
   * @throws FeedError where it has too many entries, or is no list of addresses at all
   */
  content(format: FeedFormat, unit: string): FeedContent {
    const { malformed, records } = this;
    if (malformed > 0 && (malformed === records || (records >= 10 && malformed > records / 2))) {
      throw new FeedError(
        `is not read as ${format}: ${malformed} of ${records} ${unit} ` +
          `${malformed === 1 ? "is no address" : "are no addresses"}`,
      );
    }
    if (this.#v4.merge() + this.#v6.merge() > this.maxEntries) {
      throw new FeedError(`has more than ${this.maxEntries} entries`);
    }
    const v4 = this.#v4.uncovered(), v6 = this.#v6.uncovered();
    const levels = new Uint8Array(v4.levels.length + v6.levels.length);
    levels.set(v4.levels);
    levels.set(v6.levels, v4.levels.length);
    const list = PrefixList.fromArrays(v4.words, v4.lengths, v6.words, v6.lengths);
    return { format, list, levels, refused: this.#refused };
  }
}

/** A count or score as a level. */
export function levelOf(value: number): number {
  return Math.max(0, Math.min(255, Math.floor(value) || 0));
}
