/** Random numbers that are the same in every run: every benchmark judges the same packets. */

/** xorshift32 (Marsaglia 2003). */
export class Random {
  #state: number;

  /** @param seed any integer but 0 */
  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** A signed 32-bit word, every one but 0 equally likely. */
  word(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return this.#state = x;
  }

  /** 0 up to, and without, 1. */
  share(): number {
    return (this.word() >>> 0) / 0x1_0000_0000;
  }

  /** An integer from 0 up to, and without, `limit`. */
  below(limit: number): number {
    return Math.floor(this.share() * limit);
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }
}
