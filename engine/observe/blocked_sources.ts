/** Which addresses were blocked most, where no database counts them: bounded, exact below the bound. */
import { type Family, formatAddress } from "../net/address.ts";
import { type EventBuffer, Mixed } from "./event_buffer.ts";

/** An address and its blocked packets. */
export interface SourceCount {
  readonly ip: string;
  readonly packets: number;
}

/** Addresses counted at once; beyond it the lower half is forgotten. */
const CAPACITY = 100_000;

/** Counts blocked packets by source. */
export class BlockedSources {
  readonly #counts = new Map<string, number>();

  /** Adds the rows of a buffer. */
  add(events: EventBuffer): void {
    for (let row = 0; row < events.count; row++) {
      const family = events.family[row];
      if (family === 0 || events.mixed[row] & Mixed.source) continue;
      const [w0, w1, w2, w3] = events.addresses.subarray(8 * row, 8 * row + 4);
      const ip = formatAddress(family as Family, w0, w1, w2, w3);
      this.#counts.set(ip, (this.#counts.get(ip) ?? 0) + events.rowHits[row]);
    }
    if (this.#counts.size > CAPACITY) this.#forget();
  }

  /** The most blocked addresses, most first. */
  top(count: number): SourceCount[] {
    return this.#sorted().slice(0, count).map(([ip, packets]) => ({ ip, packets }));
  }

  #forget(): void {
    for (const [ip] of this.#sorted().slice(CAPACITY >> 1)) this.#counts.delete(ip);
  }

  #sorted(): [string, number][] {
    return [...this.#counts].sort(([, a], [, b]) => b - a);
  }
}
