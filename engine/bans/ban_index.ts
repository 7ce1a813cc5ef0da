/**
 * Which ban holds this address? Asked for every reported drop, and changed with every ban: a hash
 * table over the prefixes, asked once for each prefix length in use.
 */
import { addressBits, type Family, maskWord, type Prefix } from "../net/address.ts";
import type { Ban } from "./ban.ts";

/** Bans with the same hash. */
interface Link {
  readonly ban: Ban;
  next: Link | undefined;
}

/** At most one ban a prefix. */
export class BanIndex {
  readonly #links = new Map<number, Link>();
  readonly #lengths = { 4: new LengthsInUse(4), 6: new LengthsInUse(6) };
  /** Nobody outside can choose addresses that all share one hash. */
  readonly #seed = crypto.getRandomValues(new Int32Array(1))[0];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The ban of exactly that prefix. */
  get({ family, words, length }: Prefix): Ban | undefined {
    return this.#get(family, length, words[0], words[1], words[2], words[3]);
  }

  /** Adds a ban; returns the one of the same prefix that it replaces. */
  set(ban: Ban): Ban | undefined {
    const replaced = this.delete(ban.prefix);
    const { family, words, length } = ban.prefix;
    const hash = this.#hash(length, words[0], words[1], words[2], words[3]);
    this.#links.set(hash, { ban, next: this.#links.get(hash) });
    this.#lengths[family].add(length);
    this.#size++;
    return replaced;
  }

  /** Takes the ban of a prefix out and returns it. */
  delete({ family, words, length }: Prefix): Ban | undefined {
    const hash = this.#hash(length, words[0], words[1], words[2], words[3]);
    let before: Link | undefined, link = this.#links.get(hash);
    while (link && !isAt(link.ban, family, length, words[0], words[1], words[2], words[3])) {
      before = link;
      link = link.next;
    }
    if (!link) return undefined;
    if (before) before.next = link.next;
    else if (link.next) this.#links.set(hash, link.next);
    else this.#links.delete(hash);
    this.#lengths[family].remove(length);
    this.#size--;
    return link.ban;
  }

  /** Every ban, in no order. */
  *values(): Generator<Ban> {
    for (let link of this.#links.values()) {
      yield link.ban;
      while (link.next) yield (link = link.next).ban;
    }
  }

  /**
   * The narrowest ban that holds an address. Allocates nothing.
   *
   * @param longest prefixes longer than this are passed over
   * @param after so are bans that end at or before this moment
   */
  find(
    family: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    longest = 128,
    after = -Infinity,
  ): Ban | undefined {
    const { descending, count } = family === 4 ? this.#lengths[4] : this.#lengths[6];
    for (let at = 0; at < count; at++) {
      const length = descending[at];
      if (length > longest) continue;
      const ban = this.#get(
        family,
        length,
        w0 & maskWord(length),
        w1 & maskWord(length - 32),
        w2 & maskWord(length - 64),
        w3 & maskWord(length - 96),
      );
      if (ban !== undefined && ban.until > after) return ban;
    }
    return undefined;
  }

  #get(family: number, length: number, w0: number, w1: number, w2: number, w3: number) {
    let link = this.#links.get(this.#hash(length, w0, w1, w2, w3));
    while (link && !isAt(link.ban, family, length, w0, w1, w2, w3)) link = link.next;
    return link?.ban;
  }

  /** 30 bits: V8 keeps them as a small integer. */
  #hash(length: number, w0: number, w1: number, w2: number, w3: number): number {
    let hash = Math.imul(this.#seed ^ length, 0x9e3779b1);
    hash = mixed(hash, w0);
    if ((w1 | w2 | w3) !== 0) hash = mixed(mixed(mixed(hash, w1), w2), w3);
    return (hash ^ (hash >>> 15)) & 0x3fffffff;
  }
}

/** MurmurHash3's step for one word. */
function mixed(hash: number, word: number): number {
  word = Math.imul(word, 0xcc9e2d51);
  word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
  hash ^= word;
  return (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
}

function isAt(
  { prefix }: Ban,
  family: number,
  length: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): boolean {
  const { words } = prefix;
  return prefix.length === length && prefix.family === family && words[0] === w0 &&
    words[1] === w1 && words[2] === w2 && words[3] === w3;
}

/** The prefix lengths that occur, the narrowest first. */
class LengthsInUse {
  readonly descending: Uint8Array;
  count = 0;
  readonly #uses: Uint32Array;

  constructor(family: Family) {
    this.descending = new Uint8Array(addressBits(family) + 1);
    this.#uses = new Uint32Array(addressBits(family) + 1);
  }

  add(length: number): void {
    if (this.#uses[length]++ === 0) this.#list();
  }

  remove(length: number): void {
    if (--this.#uses[length] === 0) this.#list();
  }

  #list(): void {
    this.count = 0;
    for (let length = this.#uses.length - 1; length >= 0; length--) {
      if (this.#uses[length] > 0) this.descending[this.count++] = length;
    }
  }
}
