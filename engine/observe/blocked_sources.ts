/** Which addresses were blocked most, where no database counts them: bounded, exact below the bound. */
import { formatV4, formatV6 } from "../net/address.ts";
import { Mixed } from "./event_buffer.ts";
import type { EventColumns } from "./event_columns.ts";

/** An address and its blocked packets. */
export interface SourceCount {
  readonly ip: string;
  readonly packets: number;
}

/** Addresses counted at once; beyond it the lower half is forgotten. */
const CAPACITY = 100_000;

/** Counts blocked packets by source. */
export class BlockedSources {
  /** IPv4 by its word, since a flood makes few things as dear as a text for each packet; else text. */
  readonly #counts = new Map<number | string, number>();

  /** Adds the rows of a buffer. */
  add(events: EventColumns): void {
    const { count, family, mixed, rowHits } = events;
    for (let row = 0; row < count; row++) {
      if (family[row] === 0 || (mixed[row] & Mixed.source) !== 0) continue;
      const key = sourceOf(events, row);
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + rowHits[row]);
    }
    if (this.#counts.size > CAPACITY) this.#forget();
  }

  /** The most blocked addresses, most first. */
  top(count: number): SourceCount[] {
    return this.#sorted().slice(0, count).map(([key, packets]) => ({
      ip: typeof key === "number" ? formatV4(key) : key,
      packets,
    }));
  }

  #forget(): void {
    for (const [key] of this.#sorted().slice(CAPACITY >> 1)) this.#counts.delete(key);
  }

  #sorted(): [number | string, number][] {
    return [...this.#counts].sort(([, a], [, b]) => b - a);
  }
}

function sourceOf({ family, addresses }: EventColumns, row: number): number | string {
  const at = 8 * row;
  return family[row] === 4
    ? addresses[at]
    : formatV6(addresses[at], addresses[at + 1], addresses[at + 2], addresses[at + 3]);
}
