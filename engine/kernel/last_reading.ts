/** What the kernel held when it was read last: a change need not read it again to begin. */
import type { KernelState } from "./kernel_state.ts";

/**
 * Milliseconds for which a reading counts: a little longer than the time between two looks at the
 * kernel. Other programs change it, too; what they changed meanwhile shows in what is read after
 * the change, which then begins anew.
 */
const FRESH = 6_000;

/** Keeps one reading until it is taken. */
export class LastReading {
  #reading: { readonly state: KernelState; readonly at: number } | undefined;

  keep(state: KernelState): void {
    this.#reading = { state, at: performance.now() };
  }

  /** To be called when what was read is changed. */
  forget(): void {
    this.#reading = undefined;
  }

  /** Whether there is one that counts. */
  get isFresh(): boolean {
    return this.#reading !== undefined && performance.now() - this.#reading.at < FRESH;
  }

  /** The reading, once; `undefined` where there is none that still counts. */
  take(): KernelState | undefined {
    const state = this.isFresh ? this.#reading?.state : undefined;
    this.#reading = undefined;
    return state;
  }
}
