/**
 * Gives memory back to the system. What loading a policy or running a program leaves behind is
 * little to V8, which sees no need to collect it, and much to a firewall that is to stay small: the
 * buffers behind it lie outside V8's heap. Much of what a start leaves behind is the program
 * itself, of which a running firewall needs less than half.
 */
import { keepLargeBlocksApart, trimHeap } from "../ffi/heap.ts";
import { releasePages, unchangedRanges } from "../ffi/pages.ts";

/** V8's collector, where the runtime was started with `--expose-gc`, as a built pfw is. */
const collect = (globalThis as { gc?: (options: Record<string, string>) => void }).gc;

/** Milliseconds after a policy was loaded: many changes in a row cost one collection. */
const AFTER_LOADING = 500;
/** Milliseconds after that: by then the database has the threats, too. */
const AFTER_WRITING = 12_000;
/** Milliseconds between two collections of what running programs leaves behind. */
const INTERVAL = 30_000;

/** Collects when there is something to gain; each time stops the process for 15 to 50 ms. */
export class MemoryKeeper implements Disposable {
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** To be made before anything is loaded. */
  constructor() {
    keepLargeBlocksApart();
  }

  /** To be called after a policy was loaded. */
  loaded(): void {
    this.#schedule(AFTER_LOADING, "last-resort", AFTER_WRITING);
  }

  #schedule(milliseconds: number, flavor: string, next: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      collect?.({ type: "major", execution: "sync", flavor });
      trimHeap();
      releaseProgram();
      this.#schedule(next, "regular", INTERVAL);
    }, milliseconds);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/**
 * Gives up what is mapped of the program's file. What is used after all comes back within a
 * millisecond, since the page cache has it.
 */
function releaseProgram(): void {
  try {
    const program = Deno.readLinkSync("/proc/self/exe");
    const smaps = Deno.readTextFileSync("/proc/self/smaps");
    for (const range of unchangedRanges(smaps, program)) releasePages(range);
  } catch {
    // Where /proc is not to be read the pages stay: they are in nobody's way.
  }
}
