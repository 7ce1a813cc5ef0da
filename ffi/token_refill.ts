/** How fast token buckets fill: whole tokens for each span of time, and yet the exact rate. */
export class TokenRefill {
  readonly #perSecond: number;
  readonly #most: number;
  #since: number;
  /** What was due and is not yet a whole token. */
  #fraction = 0;

  /**
   * @param most tokens that a bucket holds
   * @param now milliseconds on a clock that never goes back, as for `take`
   */
  constructor(perSecond: number, most: number, now: number) {
    this.#perSecond = perSecond;
    this.#most = most;
    this.#since = now;
  }

  /** Tokens to add for the time since the last call, never more than a bucket holds. */
  take(now: number): number {
    // A time noted before the bucket was there is no time that passed.
    if (now <= this.#since) return 0;
    const due = this.#fraction + (now - this.#since) * this.#perSecond / 1000;
    const whole = Math.floor(due);
    this.#since = now;
    this.#fraction = due - whole;
    return Math.min(whole, this.#most);
  }
}
