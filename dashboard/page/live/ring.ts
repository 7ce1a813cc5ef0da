/** A list of the newest entries: a page that is open all day must not grow. */
export class Ring<Entry> {
  readonly #entries: (Entry | undefined)[];
  #next = 0;
  #size = 0;

  constructor(capacity: number) {
    this.#entries = new Array(capacity).fill(undefined);
  }

  /** Entries that it holds. */
  get size(): number {
    return this.#size;
  }

  /** Takes an entry; the oldest one gives way when it is full. */
  push(entry: Entry): void {
    this.#entries[this.#next] = entry;
    this.#next = (this.#next + 1) % this.#entries.length;
    this.#size = Math.min(this.#size + 1, this.#entries.length);
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.fill(undefined);
    this.#next = this.#size = 0;
  }

  /** The newest first. */
  *newest(): Generator<Entry> {
    const { length } = this.#entries;
    for (let back = 1; back <= this.#size; back++) {
      yield this.#entries[(this.#next - back + length) % length]!;
    }
  }
}
