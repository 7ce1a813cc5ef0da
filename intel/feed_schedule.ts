/** When feeds are fetched, and how many at once. */

/** Time, as the schedule sees it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back after so many milliseconds; what it answers calls it off. */
  after(ms: number, call: () => void): () => void;
}

/** The time of this machine. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

/** Milliseconds until a feed is tried again after its first failure. */
const FIRST_RETRY = 60_000;
/** Share of a pause by which it is longer or shorter, so that not all the world asks at once. */
const JITTER = 0.1;
/** Share of its interval for which a feed is left alone by a pfw that starts again and again. */
const LEFT_ALONE = 1 / 60;

/**
 * Milliseconds until the next fetch: the interval, or after failures a minute, doubled with each,
 * up to the interval.
 *
 * @param interval seconds
 * @param failures one after another
 * @param random 0 to 1
 */
export function pauseAfter(interval: number, failures: number, random: number): number {
  const whole = interval * 1000;
  const pause = failures === 0 ? whole : Math.min(whole, FIRST_RETRY * 2 ** (failures - 1));
  return Math.round(pause * (1 - JITTER + 2 * JITTER * random));
}

/** When a feed is fetched first, by when its publisher was last asked; null: never. */
export function firstFetchAt(now: number, interval: number, checkedAt: number | null): number {
  return checkedAt === null ? now : Math.max(now, checkedAt + interval * 1000 * LEFT_ALONE);
}

/** `dueAt`, or a new time where the clock was set back and it lies absurdly far ahead. */
export function sensibleDueAt(dueAt: number, now: number, interval: number): number {
  const longest = interval * 1000 * (1 + JITTER);
  return dueAt - now > longest + 1000 ? now + interval * 1000 : dueAt;
}

/** Lets so many run at once; the others wait in order. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      // Handed on, not set free: one who comes now must not overtake.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** Calls that come while one runs become one further call. */
export class Coalesced {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** @param work must not reject */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when a call that began after this is done. */
  call(): Promise<void> {
    // Also between the end of one and the beginning of the next nobody else begins.
    if (this.#next) return this.#next;
    if (!this.#running) return this.#run();
    return this.#next = this.#running.then(() => this.#run());
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#next ?? this.#running) await (this.#next ?? this.#running);
  }

  #run(): Promise<void> {
    this.#next = undefined;
    const running = this.#work().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    return this.#running = running;
  }
}
