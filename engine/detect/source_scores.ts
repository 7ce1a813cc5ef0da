/**
 * A score for each source that falls with time, in typed arrays.
 *
 * Bounded: sets of four; a full set gives up the source with the lowest score, of equal ones the
 * one that was quiet longest. So a flood from addresses that come once drives out one another, and
 * not the source that comes again and again.
 */
import type { DetectorSettings } from "../policy/settings.ts";
import type { ParsedPacket } from "../packet/packet.ts";
import type { PacketClock } from "./packet_clock.ts";
import { SourceKey } from "./source_key.ts";

/** The keys of a set, and what is known of a source, each lie in one cache line. */
const WAYS = 4, KEY_WORDS = 4, STRIDE = 8;
/** What is known of a source: the score, and when that was so. */
const SCORE = 0, LAST = 1;
/** When it was found last, and when its present account was opened; seconds since 1970. */
const FOUND = 2, FIRST = 3;
/** Packets on the account, and what of them counted. */
const PACKETS = 4, COUNTED = 5;

/** Seconds after a detection in which the source is not counted: one flood is one detection. */
const SILENCE = 1;
/** Seconds by which a packet may be older than the one before; past that the clock was set. */
const DISORDER = 1;

/** What `find` gives for a source that is not in the table. */
export const NO_SOURCE = -1;

/** The sources that one detector watches. */
export class SourceScores {
  /** Sources that there is room for; a power of two. */
  readonly capacity: number;
  readonly #keys: Int32Array;
  readonly #known: Float64Array;
  readonly #setMask: number;
  /** Without a secret, sources could be chosen that all fall into one set. */
  readonly #seed = crypto.getRandomValues(new Int32Array(1))[0];
  readonly #key = new SourceKey();
  readonly #clock: PacketClock;
  #limit = Infinity;
  #fallPerSecond = 0;

  /** @param sources about how many to remember, 80 bytes each */
  constructor(clock: PacketClock, sources: number) {
    this.#clock = clock;
    this.capacity = Math.max(WAYS, 2 ** Math.ceil(Math.log2(sources)));
    this.#keys = new Int32Array(this.capacity * KEY_WORDS);
    this.#known = new Float64Array(this.capacity * STRIDE);
    this.#setMask = this.capacity / WAYS - 1;
  }

  /** Takes a threshold and a time; scores stay. */
  configure({ threshold, seconds }: DetectorSettings): void {
    // A score falls from the first packet on, so the last one never makes the threshold whole.
    this.#limit = threshold - 1;
    this.#fallPerSecond = threshold / seconds;
  }

  /**
   * The place of the packet's source, which is made if there is none; its score is that of now.
   *
   * @param port told apart from the source's other ports, or 0
   */
  open(packet: ParsedPacket, port = 0): number {
    const slot = this.#lookUp(packet, port);
    if (slot === NO_SOURCE) return this.#place();
    this.#fall(slot);
    if (this.isFresh(slot)) this.#begin(slot);
    return slot;
  }

  /** As `open`, or `NO_SOURCE` where the source is not known. */
  find(packet: ParsedPacket): number {
    const slot = this.#lookUp(packet, 0);
    if (slot !== NO_SOURCE) this.#fall(slot);
    return slot;
  }

  /** The score of a source that was just opened or found. */
  score(slot: number): number {
    return this.#known[slot * STRIDE + SCORE];
  }

  /** Whether nothing is on the account: what was known of the source is to be forgotten. */
  isFresh(slot: number): boolean {
    return this.#known[slot * STRIDE + SCORE] === 0;
  }

  /** Whether the source was found within the last second. */
  isSilent(slot: number): boolean {
    const since = this.#clock.now[0] - this.#known[slot * STRIDE + FOUND];
    return since >= 0 && since < SILENCE;
  }

  /** Notes a packet of the source. */
  note(slot: number): void {
    this.#known[slot * STRIDE + PACKETS]++;
  }

  /** Adds to the score of a source; true when that goes past the threshold. */
  add(slot: number, points: number): boolean {
    const known = this.#known, at = slot * STRIDE;
    known[at + COUNTED]++;
    known[at + SCORE] += points;
    return known[at + SCORE] > this.#limit;
  }

  /** Takes from the score what was given before. */
  takeBack(slot: number, points: number): void {
    const known = this.#known, at = slot * STRIDE + SCORE;
    known[at] = Math.max(0, known[at] - points);
  }

  /** Closes the account of a source that was found. */
  close(slot: number): void {
    this.#known[slot * STRIDE + SCORE] = 0;
    this.#known[slot * STRIDE + FOUND] = this.#clock.now[0];
  }

  /** What is on the account: packets, how many of them counted, and the seconds since its first. */
  account(slot: number): Account {
    const known = this.#known, at = slot * STRIDE;
    return {
      packets: known[at + PACKETS],
      counted: known[at + COUNTED],
      seconds: Math.max(0, this.#clock.now[0] - known[at + FIRST]),
    };
  }

  #lookUp(packet: ParsedPacket, port: number): number {
    const key = this.#key, keys = this.#keys;
    key.fill(packet, port);
    const { word0, word1, kind } = key;
    const set = this.#setOf(word0, word1, kind);
    for (let slot = set; slot < set + WAYS; slot++) {
      const at = slot * KEY_WORDS;
      if (keys[at] === word0 && keys[at + 1] === word1 && keys[at + 2] === kind) return slot;
    }
    return NO_SOURCE;
  }

  #setOf(word0: number, word1: number, kind: number): number {
    let hash = Math.imul(word0 ^ this.#seed, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ word1, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ kind, 0xc2b2ae35);
    return ((hash ^ (hash >>> 16)) & this.#setMask) * WAYS;
  }

  /** Gives the source looked up last the place of the one that is missed least. */
  #place(): number {
    const { word0, word1, kind } = this.#key, set = this.#setOf(word0, word1, kind);
    let least = set, lowest = Infinity;
    for (let slot = set; slot < set + WAYS; slot++) {
      const worth = this.#worth(slot);
      if (worth > lowest || (worth === lowest && this.#last(slot) >= this.#last(least))) continue;
      least = slot;
      lowest = worth;
    }
    const at = least * KEY_WORDS;
    this.#keys[at] = word0;
    this.#keys[at + 1] = word1;
    this.#keys[at + 2] = kind;
    this.#known[least * STRIDE + SCORE] = 0;
    this.#known[least * STRIDE + LAST] = this.#clock.now[0];
    this.#known[least * STRIDE + FOUND] = -Infinity;
    this.#begin(least);
    return least;
  }

  /** The score as it is now. */
  #worth(slot: number): number {
    const elapsed = this.#clock.now[0] - this.#last(slot);
    // What lies in the future is from before the clock was set back.
    if (elapsed < -DISORDER) return -1;
    // One that was just found keeps its place: forgotten, it would be found again at once.
    if (this.isSilent(slot)) return this.#limit;
    return Math.max(0, this.score(slot) - Math.max(0, elapsed) * this.#fallPerSecond);
  }

  #last(slot: number): number {
    return this.#known[slot * STRIDE + LAST];
  }

  #begin(slot: number): void {
    const known = this.#known, at = slot * STRIDE;
    known[at + FIRST] = this.#clock.now[0];
    known[at + PACKETS] = known[at + COUNTED] = 0;
  }

  /** Brings the score to what it is now. */
  #fall(slot: number): void {
    const known = this.#known, at = slot * STRIDE;
    const now = this.#clock.now[0], elapsed = now - known[at + LAST];
    if (elapsed < 0 && elapsed > -DISORDER) return;
    known[at + LAST] = now;
    if (elapsed <= 0) return;
    known[at + SCORE] = Math.max(0, known[at + SCORE] - elapsed * this.#fallPerSecond);
  }
}

/** What is on a source's account. */
export interface Account {
  readonly packets: number;
  readonly counted: number;
  readonly seconds: number;
}
