/** Long work in slices, so that packets are read in between: it runs on the same thread. */

/** Milliseconds of a slice. */
const LENGTH = 8;
/** Steps between two looks at the clock. */
const STEPS = 1_024;

/** Says when work has taken long enough; call `isOver` after every small step. */
export class Slices {
  #steps = 0;
  #began = performance.now();

  /** Whether it is time for a pause. */
  isOver(): boolean {
    return (++this.#steps & (STEPS - 1)) === 0 && performance.now() - this.#began >= LENGTH;
  }

  /** Lets others have their turn. */
  async pause(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#began = performance.now();
  }
}
