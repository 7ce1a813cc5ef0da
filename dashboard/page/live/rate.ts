/** Packets a second, over the last two: long enough to be read, short enough to be live. */
import type { Tick } from "../../contract.ts";
import { sumOf } from "../text/reason.ts";

/** What is shown large. */
export interface Rates {
  readonly packets: number;
  readonly allowed: number;
  readonly blocked: number;
  /** Packets a second that the log does not list one by one. */
  readonly unshown: number;
}

/** Before anything is known, and where nothing happens. */
export const NO_RATES: Rates = { packets: 0, allowed: 0, blocked: 0, unshown: 0 };

const WINDOW = 2;

interface Sample {
  readonly seconds: number;
  readonly allowed: number;
  readonly blocked: number;
  readonly unshown: number;
}

/** Averages what the last ticks brought. */
export class RateMeter {
  #samples: Sample[] = [];

  add({ seconds, counts, unshown }: Tick): void {
    const blocked = sumOf(counts.blocked);
    this.#samples.push({ seconds, allowed: counts.allowed, blocked, unshown });
    while (this.#samples.length > 1 && this.#span() - this.#samples[0].seconds >= WINDOW) {
      this.#samples.shift();
    }
  }

  clear(): void {
    this.#samples = [];
  }

  rates(): Rates {
    const span = this.#span();
    if (span <= 0) return NO_RATES;
    const of = (name: "allowed" | "blocked" | "unshown") =>
      this.#samples.reduce((sum, sample) => sum + sample[name], 0) / span;
    const allowed = of("allowed"), blocked = of("blocked");
    return { packets: allowed + blocked, allowed, blocked, unshown: of("unshown") };
  }

  #span(): number {
    return this.#samples.reduce((sum, { seconds }) => sum + seconds, 0);
  }
}
