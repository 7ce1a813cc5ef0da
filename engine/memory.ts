/**
 * Gives memory back to the system. What loading a policy or running a program leaves behind is
 * little to V8, which sees no need to collect it, and much to a firewall that is to stay small: the
 * buffers behind it lie outside V8's heap.
 */
import { trimHeap } from "../ffi/heap.ts";

/** V8's collector, where the runtime was started with `--expose-gc`, as a built pfw is. */
const collect = (globalThis as { gc?: (options: Record<string, string>) => void }).gc;

/** Milliseconds after a policy was loaded: many changes in a row cost one collection. */
const AFTER_LOADING = 500;
/** Milliseconds between two collections of what running programs leaves behind. */
const INTERVAL = 30_000;

/** Collects when there is something to gain; each time stops the process for 15 to 50 ms. */
export class MemoryKeeper implements Disposable {
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** To be called after a policy was loaded. */
  loaded(): void {
    this.#schedule(AFTER_LOADING, "last-resort");
  }

  #schedule(milliseconds: number, flavor: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      collect?.({ type: "major", execution: "sync", flavor });
      trimHeap();
      this.#schedule(INTERVAL, "regular");
    }, milliseconds);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
