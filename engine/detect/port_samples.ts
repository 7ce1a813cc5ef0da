/** A few of the ports that each source tried, as evidence. */

const SAMPLES = 16, STRIDE = 1 + SAMPLES;

/** The first ports of each source, by its place in a table. */
export class PortSamples {
  /** Of each source how many there are, and the ports. */
  readonly #words: Uint16Array;

  /** @param capacity places of the table; 34 bytes each */
  constructor(capacity: number) {
    this.#words = new Uint16Array(capacity * STRIDE);
  }

  /** Forgets the ports of one source. */
  clear(slot: number): void {
    this.#words[slot * STRIDE] = 0;
  }

  /** Keeps a port, unless it is kept already or there is no room. */
  add(slot: number, port: number): void {
    const words = this.#words, at = slot * STRIDE, count = words[at];
    if (count === SAMPLES) return;
    for (let one = at + 1; one <= at + count; one++) if (words[one] === port) return;
    words[at + 1 + count] = port;
    words[at] = count + 1;
  }

  /** The ports that were kept, at most 16, in the order in which they were tried. */
  list(slot: number): number[] {
    const first = slot * STRIDE + 1;
    return [...this.#words.subarray(first, first + this.#words[first - 1])];
  }
}
