/** A reading of the kernel that was made while a policy was being made: both take their time. */
import type { KernelState } from "./kernel_state.ts";

/** Milliseconds for which it counts: other programs change the kernel, too. */
const FRESH = 500;

/** Keeps one reading until it is taken. */
export class ReadingAhead {
  #reading: { readonly state: KernelState; readonly at: number } | undefined;

  keep(state: KernelState): void {
    this.#reading = { state, at: performance.now() };
  }

  /** To be called when what was read is changed. */
  forget(): void {
    this.#reading = undefined;
  }

  /** The reading, once; `undefined` where there is none that still counts. */
  take(): KernelState | undefined {
    const reading = this.#reading;
    this.#reading = undefined;
    return reading && performance.now() - reading.at < FRESH ? reading.state : undefined;
  }
}
