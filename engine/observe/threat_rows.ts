/**
 * What the table of threats is to hold, in arrays: 120,000 entries cost 13 bytes each, and one that
 * the table has is found by binary search.
 */
import { createHash } from "node:crypto";
import {
  formatPrefix,
  formatV4,
  parsePrefix,
  parseV4Key,
  type Prefix,
  V4_KEY_STEP,
} from "../net/address.ts";
import { comparePrefixes } from "../net/prefix_list.ts";

/** One listed address or range. */
export interface ThreatRow {
  /** As `formatPrefix` writes it. */
  readonly ip: string;
  /** How bad, 0 to 255, as its feed counts it; 0 where it does not say. */
  readonly level: number;
  /** The feeds that list it, for people. */
  readonly source: string;
}

/** Rows of one list, IPv4 first, each family ascending as in a `PrefixList`. */
export class ThreatRows {
  #count4 = 0;
  /** See `parseV4Key`. */
  #keys4 = new Float64Array(0);
  readonly #of6: Prefix[] = [];
  #levels = new Uint8Array(0);
  /** Index into `#names`. */
  #sources = new Uint32Array(0);
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();

  get count(): number {
    return this.#count4 + this.#of6.length;
  }

  /** Adds the next row. What is no address, or IPv4 after IPv6, is passed over. */
  add({ ip, level, source }: ThreatRow): void {
    const key = parseV4Key(ip);
    if (key < 0) {
      const prefix = parsePrefix(ip);
      if (prefix?.family !== 6) return;
      this.#note(level, source);
      this.#of6.push(prefix);
    } else if (this.#of6.length === 0) {
      this.#note(level, source);
      this.#keys4[this.#count4++] = key;
    }
  }

  /** Place of a row by its text; -1: it is not listed. */
  find(ip: string): number {
    const key = parseV4Key(ip);
    if (key >= 0) return find(this.#count4, (at) => this.#keys4[at] - key);
    const prefix = parsePrefix(ip);
    if (prefix?.family !== 6) return -1;
    const at = find(this.#of6.length, (at) => comparePrefixes(this.#of6[at], prefix));
    return at < 0 ? -1 : this.#count4 + at;
  }

  /** Text of the address or range at a place. */
  ip(at: number): string {
    if (at >= this.#count4) return formatPrefix(this.#of6[at - this.#count4]);
    const key = this.#keys4[at], length = key % V4_KEY_STEP;
    const address = formatV4(Math.floor(key / V4_KEY_STEP) | 0);
    return length === 32 ? address : `${address}/${length}`;
  }

  level(at: number): number {
    return this.#levels[at];
  }

  source(at: number): string {
    return this.#names[this.#sources[at]];
  }

  /** The same for equal lists, another for others. */
  fingerprint(): string {
    const hash = createHash("sha256");
    hash.update(bytesOf(this.#keys4.subarray(0, this.#count4)));
    hash.update(this.#of6.map(formatPrefix).join());
    hash.update(this.#levels.subarray(0, this.count));
    hash.update(bytesOf(this.#sources.subarray(0, this.count)));
    hash.update(JSON.stringify(this.#names));
    return hash.digest("hex").slice(0, 32);
  }

  #note(level: number, source: string): void {
    const at = this.count;
    if (at === this.#levels.length) this.#grow(Math.max(1_024, 2 * at));
    let number = this.#numbers.get(source);
    if (number === undefined) {
      number = this.#names.push(source) - 1;
      this.#numbers.set(source, number);
    }
    this.#levels[at] = Math.min(level, 255);
    this.#sources[at] = number;
  }

  #grow(size: number): void {
    const keys = new Float64Array(size), levels = new Uint8Array(size);
    const sources = new Uint32Array(size);
    keys.set(this.#keys4);
    levels.set(this.#levels);
    sources.set(this.#sources);
    this.#keys4 = keys;
    this.#levels = levels;
    this.#sources = sources;
  }
}

/** Place among `count` ascending ones where `compare` is 0; -1: nowhere. */
function find(count: number, compare: (at: number) => number): number {
  let low = 0, high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compare(middle);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return -1;
}

function bytesOf(array: Float64Array | Uint32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
