/**
 * New connections of each source, counted as the kernel's `hashlimit` counts them: a bucket that
 * holds `connections` and fills at `connections / seconds`. Per address on IPv4, per /64 on IPv6.
 *
 * Bounded: sets of eight, a full set gives up the source that was quiet longest, which then starts
 * with a full bucket.
 */
import type { ParsedPacket } from "../packet/packet.ts";
import type { RateLimit } from "./policy.ts";
import { randomWord } from "./random_word.ts";

const WAYS = 8;

/** Token buckets in typed arrays. */
export class RateLimiter {
  readonly #keys: Int32Array;
  readonly #tokens: Float64Array;
  readonly #times: Float64Array;
  readonly #setMask: number;
  readonly #seed: number;
  readonly #burst: number;
  readonly #perSecond: number;

  /**
   * @param capacity number of sources, a power of two; 24 bytes each
   * @param seed secret where strangers choose the sources
   */
  constructor(limit: RateLimit, capacity: number = 1 << 15, seed: number = randomWord()) {
    this.#seed = seed;
    this.#burst = limit.connections;
    this.#perSecond = limit.connections / limit.seconds;
    this.#keys = new Int32Array(2 * capacity);
    this.#tokens = new Float64Array(capacity);
    this.#times = new Float64Array(capacity).fill(-Infinity);
    this.#setMask = capacity / WAYS - 1;
  }

  /** Takes one connection from the bucket of the packet's source; false when it is empty. */
  take(packet: ParsedPacket): boolean {
    const now = packet.seconds + packet.microseconds / 1e6;
    // Both families share the table; the secret stands where a /64 has its second word, so that no
    // one can choose a /64 that shares the bucket of an IPv4 address.
    const high = packet.source0;
    const low = packet.family === 4 ? this.#seed : packet.source1;
    const slot = this.#slotOf(high, low, now);
    const elapsed = Math.max(0, now - this.#times[slot]);
    const tokens = Math.min(this.#burst, this.#tokens[slot] + elapsed * this.#perSecond);
    this.#times[slot] = now;
    this.#tokens[slot] = tokens >= 1 ? tokens - 1 : tokens;
    return tokens >= 1;
  }

  #slotOf(high: number, low: number, now: number): number {
    let hash = Math.imul(high ^ this.#seed, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ low, 0x85ebca6b);
    const first = ((hash ^ (hash >>> 13)) & this.#setMask) * WAYS;
    let quietest = first;
    for (let slot = first; slot < first + WAYS; slot++) {
      const isSame = this.#keys[2 * slot] === high && this.#keys[2 * slot + 1] === low;
      if (isSame && this.#times[slot] !== -Infinity) return slot;
      if (this.#times[slot] < this.#times[quietest]) quietest = slot;
    }
    this.#keys[2 * quietest] = high;
    this.#keys[2 * quietest + 1] = low;
    this.#tokens[quietest] = this.#burst;
    this.#times[quietest] = now;
    return quietest;
  }
}
