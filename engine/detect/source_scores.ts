/**
 * A score for each source that falls with time, in typed arrays.
 *
 * Bounded: sets of eight; a full set gives up the source with the lowest score, of equal ones the
 * one that was quiet longest. So a flood from addresses that come once drives out one another, and
 * not the source that comes again and again.
 */
import type { DetectorSettings } from "../policy/settings.ts";
import type { ParsedPacket } from "../packet/packet.ts";
import type { PacketClock } from "./packet_clock.ts";
import { SourceKey } from "./source_key.ts";

const WAYS = 8, KEY_WORDS = 3;
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
  /** What each source has on its account; right only for the source found last. */
  readonly score: Float64Array;
  /** When the source's present account was opened, in seconds since 1970. */
  readonly first: Float64Array;
  /** Packets on the account, and what of them counted. */
  readonly packets: Float64Array;
  readonly counted: Float64Array;
  readonly #keys: Int32Array;
  readonly #last: Float64Array;
  readonly #found: Float64Array;
  readonly #setMask: number;
  /** Without a secret, sources could be chosen that all fall into one set. */
  readonly #seed = crypto.getRandomValues(new Int32Array(1))[0];
  readonly #key = new SourceKey();
  readonly #clock: PacketClock;
  #limit = Infinity;
  #fallPerSecond = 0;

  /** @param sources about how many to remember, 60 bytes each */
  constructor(clock: PacketClock, sources: number) {
    this.#clock = clock;
    this.capacity = Math.max(WAYS, 2 ** Math.ceil(Math.log2(sources)));
    this.score = new Float64Array(this.capacity);
    this.first = new Float64Array(this.capacity);
    this.packets = new Float64Array(this.capacity);
    this.counted = new Float64Array(this.capacity);
    this.#keys = new Int32Array(this.capacity * KEY_WORDS);
    this.#last = new Float64Array(this.capacity);
    this.#found = new Float64Array(this.capacity);
    this.#setMask = this.capacity / WAYS - 1;
  }

  /** Takes a threshold and a time; scores stay. */
  configure({ threshold, seconds }: DetectorSettings): void {
    // A score falls from the first packet on, so the last one never makes the threshold whole.
    this.#limit = threshold - 1;
    this.#fallPerSecond = threshold / seconds;
  }

  /**
   * The place of the packet's source, which is made if there is none; its score is that of now. A
   * score of 0 means that nothing is known of the source.
   *
   * @param port told apart from the source's other ports, or 0
   */
  open(packet: ParsedPacket, port = 0): number {
    const slot = this.#lookUp(packet, port);
    if (slot !== NO_SOURCE) {
      this.#fall(slot);
      if (this.score[slot] === 0) this.#begin(slot);
      return slot;
    }
    return this.#place();
  }

  /** As `open`, or `NO_SOURCE` where the source is not known. */
  find(packet: ParsedPacket): number {
    const slot = this.#lookUp(packet, 0);
    if (slot !== NO_SOURCE) this.#fall(slot);
    return slot;
  }

  /** Whether the source was found within the last second. */
  isSilent(slot: number): boolean {
    const since = this.#clock.now[0] - this.#found[slot];
    return since >= 0 && since < SILENCE;
  }

  /** Adds to the score of a source; true when that goes past the threshold. */
  add(slot: number, points: number): boolean {
    this.counted[slot]++;
    this.score[slot] += points;
    return this.score[slot] > this.#limit;
  }

  /** Takes from the score what was given before. */
  takeBack(slot: number, points: number): void {
    this.score[slot] = Math.max(0, this.score[slot] - points);
  }

  /** Closes the account of a source that was found. */
  close(slot: number): void {
    this.score[slot] = 0;
    this.#found[slot] = this.#clock.now[0];
  }

  /** Seconds that the account is open. */
  age(slot: number): number {
    return Math.max(0, this.#clock.now[0] - this.first[slot]);
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
    const { word0, word1, kind } = this.#key, now = this.#clock.now[0], last = this.#last;
    const set = this.#setOf(word0, word1, kind);
    let least = set, lowest = Infinity;
    for (let slot = set; slot < set + WAYS; slot++) {
      const elapsed = now - last[slot];
      let score = Math.max(0, this.score[slot] - Math.max(0, elapsed) * this.#fallPerSecond);
      // One that was just found keeps its place: forgotten, it would be found again at once.
      if (this.isSilent(slot)) score = this.#limit;
      // What lies in the future is from before the clock was set back.
      if (elapsed < -DISORDER) score = -1;
      if (score > lowest || (score === lowest && last[slot] >= last[least])) continue;
      least = slot;
      lowest = score;
    }
    const at = least * KEY_WORDS;
    this.#keys[at] = word0;
    this.#keys[at + 1] = word1;
    this.#keys[at + 2] = kind;
    this.#last[least] = now;
    this.#found[least] = -Infinity;
    this.score[least] = 0;
    this.#begin(least);
    return least;
  }

  #begin(slot: number): void {
    this.first[slot] = this.#clock.now[0];
    this.packets[slot] = this.counted[slot] = 0;
  }

  /** Brings the score to what it is now. */
  #fall(slot: number): void {
    const now = this.#clock.now[0], elapsed = now - this.#last[slot];
    if (elapsed < 0 && elapsed > -DISORDER) return;
    this.#last[slot] = now;
    if (elapsed <= 0) return;
    this.score[slot] = Math.max(0, this.score[slot] - elapsed * this.#fallPerSecond);
  }
}
