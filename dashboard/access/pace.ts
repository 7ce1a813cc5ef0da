/** Limits on how often something may happen. */

/** A token bucket: so many at once, then so many a second. */
export class Pace {
  #tokens: number;
  #last = performance.now();

  constructor(private readonly burst: number, private readonly perSecond: number) {
    this.#tokens = burst;
  }

  /** Whether one more may happen now. */
  take(now: number = performance.now()): boolean {
    const refilled = this.#tokens + (now - this.#last) / 1000 * this.perSecond;
    this.#tokens = Math.min(this.burst, refilled);
    this.#last = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** The first wrong token waits so long, each further one twice as long, at most `LONGEST`. */
const SHORTEST = 100, LONGEST = 5_000;
/** So many may wait at once. */
const MOST_WAITING = 16;
/** Milliseconds without a wrong token after which all is forgotten. */
const FORGIVEN_AFTER = 60_000;

/** Answers to wrong tokens come later and later; a right one never waits. */
export class Penalty {
  #failures = 0;
  #lastFailure = 0;
  /** Each ends the wait of one. */
  readonly #waiting = new Set<() => void>();

  /**
   * Waits before a wrong token is refused.
   *
   * @returns false at once where too many wait already
   */
  async serve(now: number = performance.now()): Promise<boolean> {
    if (now - this.#lastFailure > FORGIVEN_AFTER) this.#failures = 0;
    this.#lastFailure = now;
    if (this.#waiting.size >= MOST_WAITING) return false;
    const delay = Math.min(LONGEST, SHORTEST * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, delay);
      this.#waiting.add(done);
    });
    return true;
  }

  /** Ends all waits. */
  end(): void {
    for (const done of this.#waiting) done();
  }
}
