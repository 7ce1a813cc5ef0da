/** Lines for people that an attacker can cause any number of: they must not wash the log away. */

/** Lines at once; one a second afterwards (a token bucket that the caller's ticks fill). */
const AT_ONCE = 60;
/** Seconds between two lines that say how many were left out. */
const SUMMARY_INTERVAL = 60;

/** Passes lines on, some a minute, and counts the rest. */
export class PacedLines {
  #left = AT_ONCE;
  #unsaid = 0;
  #seconds = 0;

  /**
   * @param pass takes a line
   * @param summaryOf the line for those that were left out
   */
  constructor(
    private readonly pass: (text: string) => void,
    private readonly summaryOf: (unsaid: number) => string,
  ) {}

  /** Passes a line on, or counts it. */
  say(text: string): void {
    if (this.#left > 0) {
      this.#left--;
      this.pass(text);
    } else this.#unsaid++;
  }

  /** To be called every second. */
  tick(): void {
    this.#left = Math.min(AT_ONCE, this.#left + 1);
    if (this.#unsaid === 0 || ++this.#seconds < SUMMARY_INTERVAL) return;
    this.pass(this.summaryOf(this.#unsaid));
    this.#unsaid = this.#seconds = 0;
  }
}
