/**
 * Whether the threat lists are flooded. While they are not they are asked once for each connection,
 * which is what packets that pass want; under a flood asking them before connection tracking makes
 * each drop cost half as much.
 */
import type { KernelCounters } from "./kernel/counters.ts";

/** Packets a second that they block: at so many a flood begins, below so many it may be over. */
const FLOOD_RATE = 5_000, CALM_RATE = 500;
/** Milliseconds without a flood after which it is over. */
const CALM_TIME = 60_000;

/** Follows the kernel's counters. */
export class FloodWatch {
  #packets = 0;
  #at: number | undefined;
  #lastFlood = -Infinity;
  #isFlooded = false;

  /**
   * Takes in a reading of the counters.
   *
   * @param now milliseconds of a clock that never goes back
   * @returns whether there is a flood, or was one a moment ago
   */
  see({ drops }: KernelCounters, now: number = performance.now()): boolean {
    const packets = drops.filter(({ reason }) => reason === "threat")
      .reduce((sum, drop) => sum + drop.packets, 0);
    const seconds = this.#at === undefined ? 0 : (now - this.#at) / 1000;
    const rate = seconds > 0 ? (packets - this.#packets) / seconds : 0;
    this.#packets = packets;
    this.#at = now;
    if (rate >= (this.#isFlooded ? CALM_RATE : FLOOD_RATE)) this.#lastFlood = now;
    this.#isFlooded = now - this.#lastFlood < CALM_TIME;
    return this.#isFlooded;
  }
}
