/**
 * Whether threat lists are flooded. While they are not, they are asked once for each connection,
 * which is what packets that pass want; under a flood asking them before connection tracking makes
 * each drop cost half as much.
 */

/** Reported drops a second: at so many a flood begins, below so many it may be over. */
const FLOOD_RATE = 5_000, CALM_RATE = 500;
/** Milliseconds over which the rate is taken: a flood is met so soon. */
const WINDOW = 200;
/** Milliseconds without a flood after which it is over. */
const CALM_TIME = 60_000;

/** Follows how many drops by threat lists are reported. */
export class FloodWatch {
  #reports = 0;
  #since: number | undefined;
  #lastFlood = -Infinity;
  /** What `see` answered last. */
  isFlooded = false;

  /**
   * Costs next to nothing: called with every write of rows, ten times a second.
   *
   * @param reports of all drops so far
   * @param now milliseconds of a clock that never goes back
   * @returns whether there is a flood, or was one a moment ago
   */
  see(reports: number, now: number): boolean {
    const since = this.#since;
    if (since !== undefined && now - since < WINDOW) return this.isFlooded;
    const rate = since === undefined ? 0 : (reports - this.#reports) * 1000 / (now - since);
    this.#reports = reports;
    this.#since = now;
    if (rate >= (this.isFlooded ? CALM_RATE : FLOOD_RATE)) this.#lastFlood = now;
    this.isFlooded = now - this.#lastFlood < CALM_TIME;
    return this.isFlooded;
  }
}
