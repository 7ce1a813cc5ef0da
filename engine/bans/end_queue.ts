/** Which ban ends first? A heap, so that neither expiry nor a full book looks at every ban. */
import type { Ban } from "./ban.ts";

/** Bans by their end. One that was lifted early stays until its turn comes or many have gathered. */
export class EndQueue {
  #heap: Ban[] = [];
  readonly #isLive: (ban: Ban) => boolean;
  #live = 0;

  /** @param isLive whether a ban is still in the book */
  constructor(isLive: (ban: Ban) => boolean) {
    this.#isLive = isLive;
  }

  /** Bans that are in the book. */
  get size(): number {
    return this.#live;
  }

  push(ban: Ban): void {
    this.#live++;
    if (this.#heap.length > 2 * this.#live + 64) this.#heap = rebuilt(this.#heap, this.#isLive);
    this.#heap.push(ban);
    rise(this.#heap, this.#heap.length - 1);
  }

  /** Says that a ban that was pushed is no longer in the book. */
  lifted(): void {
    this.#live--;
  }

  /** The ban that ends first; `undefined`: there is none. */
  first(): Ban | undefined {
    const heap = this.#heap;
    while (heap.length > 0 && !this.#isLive(heap[0])) {
      const last = heap.pop()!;
      if (heap.length === 0) break;
      heap[0] = last;
      sink(heap, 0);
    }
    return heap[0];
  }
}

function rebuilt(heap: readonly Ban[], isLive: (ban: Ban) => boolean): Ban[] {
  // Sorted ascending, an array is a heap.
  return heap.filter(isLive).sort((a, b) => a.until - b.until);
}

function rise(heap: Ban[], at: number): void {
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent].until <= heap[at].until) return;
    [heap[parent], heap[at]] = [heap[at], heap[parent]];
    at = parent;
  }
}

function sink(heap: Ban[], at: number): void {
  while (true) {
    let least = at;
    for (let child = 2 * at + 1; child <= 2 * at + 2; child++) {
      if (child < heap.length && heap[child].until < heap[least].until) least = child;
    }
    if (least === at) return;
    [heap[least], heap[at]] = [heap[at], heap[least]];
    at = least;
  }
}
