/** How long a fetch is waited for, as one signal that ends it with its reason. */
import { FeedError } from "./feed.ts";

/** What `setTimeout` answers: a number, or an object in newer versions of Deno. */
type Timer = ReturnType<typeof setTimeout>;

/** Ends a fetch that takes too long or is no longer wanted. Dispose it when the fetch is over. */
export class Patience implements Disposable {
  readonly #controller = new AbortController();
  readonly #whole: Timer;
  readonly #outer: AbortSignal | undefined;
  #step: Timer | undefined;

  /**
   * @param totalMs milliseconds for everything
   * @param outer ends the fetch too
   */
  constructor(totalMs: number, outer?: AbortSignal) {
    this.#outer = outer;
    this.#whole = setTimeout(() => this.#end(`not complete within ${inSeconds(totalMs)}`), totalMs);
    if (outer?.aborted) this.#stopped();
    else outer?.addEventListener("abort", this.#stopped);
  }

  /** Aborted with a `FeedError` as its reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Waits for one thing, at most `ms` milliseconds. What this process does itself is not counted. */
  async during<T>(ms: number, problem: string, work: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    this.#step = setTimeout(() => this.#end(`${problem} ${inSeconds(ms)}`), ms);
    try {
      return await work();
    } catch (error) {
      // Whatever the abort looks like to the one it hit: its reason is what happened.
      throw this.signal.aborted ? this.signal.reason : error;
    } finally {
      clearTimeout(this.#step);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#whole);
    clearTimeout(this.#step);
    this.#outer?.removeEventListener("abort", this.#stopped);
  }

  readonly #stopped = () => this.#end("stopped");

  #end(reason: string): void {
    this.#controller.abort(new FeedError(reason));
  }
}

function inSeconds(ms: number): string {
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} s`;
}
