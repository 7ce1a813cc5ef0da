/** A few of the ports that each source tried, as evidence. */

const SAMPLES = 16;

/** The first ports of each source, by its place in a table. */
export class PortSamples {
  readonly #ports: Uint16Array;
  readonly #count: Uint8Array;

  /** @param capacity places of the table; 33 bytes each */
  constructor(capacity: number) {
    this.#ports = new Uint16Array(capacity * SAMPLES);
    this.#count = new Uint8Array(capacity);
  }

  /** Forgets the ports of one source. */
  clear(slot: number): void {
    this.#count[slot] = 0;
  }

  /** Keeps a port, unless it is kept already or there is no room. */
  add(slot: number, port: number): void {
    const count = this.#count[slot], ports = this.#ports, at = slot * SAMPLES;
    if (count === SAMPLES) return;
    for (let one = at; one < at + count; one++) if (ports[one] === port) return;
    ports[at + count] = port;
    this.#count[slot] = count + 1;
  }

  /** The ports that were kept, at most 16, in the order in which they were tried. */
  list(slot: number): number[] {
    const at = slot * SAMPLES;
    return [...this.#ports.subarray(at, at + this.#count[slot])];
  }
}
