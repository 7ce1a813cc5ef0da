/** Packets a second, from totals that are asked for about once a second. */

/** Totals at one moment. */
export interface RateSample {
  /** Milliseconds of a clock that only goes forward. */
  readonly time: number;
  readonly allowed: number;
  /** Blocked, or what would have been where nothing is enforced. */
  readonly blocked: number;
}

/** Seconds that are remembered: more than a wide terminal has columns. */
const REMEMBERED = 600;

/** Two samples closer than this, in milliseconds, would make a rate of little but noise. */
const LEAST_DISTANCE = 200;

/** Rates of the last minutes. */
export class Rates {
  readonly allowed: number[] = [];
  readonly blocked: number[] = [];
  #last: RateSample | undefined;

  /** Takes totals; lower ones than before are those of a pfw that was started again. */
  add(sample: RateSample): void {
    const last = this.#last;
    if (last && sample.time - last.time < LEAST_DISTANCE) return;
    this.#last = sample;
    if (!last) return;
    const isRestart = sample.allowed < last.allowed || sample.blocked < last.blocked;
    const seconds = (sample.time - last.time) / 1000;
    const rate = (before: number, now: number) => (isRestart ? now : now - before) / seconds;
    this.allowed.push(rate(last.allowed, sample.allowed));
    this.blocked.push(rate(last.blocked, sample.blocked));
    if (this.allowed.length > REMEMBERED) {
      this.allowed.shift();
      this.blocked.shift();
    }
  }

  /** Nothing runs at present: the next totals are a beginning. */
  pause(): void {
    this.#last = undefined;
  }
}
