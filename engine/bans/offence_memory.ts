/** Who was banned before: what makes the next ban of the same source a longer one. */
import { formatPrefix, type Prefix } from "../net/address.ts";

/** Bans of one prefix that are over. Times are milliseconds since 1970. */
export interface Offence {
  readonly prefix: Prefix;
  /** How often it was banned. */
  readonly offences: number;
  /** Of its last ban. */
  readonly since: number;
  readonly until: number;
}

/** A source that behaved for so long after its last ban is new again, in milliseconds: 30 days. */
export const MEMORY_SPAN = 30 * 86_400_000;

/** Bounded: the offences that ended first are forgotten first. */
export class OffenceMemory {
  /** In the order in which they ended. */
  readonly #offences = new Map<string, Offence>();

  /** @param limit how many are remembered */
  constructor(readonly limit: number) {}

  get size(): number {
    return this.#offences.size;
  }

  /** What is remembered of that prefix. */
  get(prefix: Prefix): Offence | undefined {
    return this.#offences.get(formatPrefix(prefix));
  }

  /** Everything, in the order in which it ended. */
  values(): Iterable<Offence> {
    return this.#offences.values();
  }

  /** Remembers an offence that ended just now. */
  remember(offence: Offence): void {
    this.forget(offence.prefix);
    this.#offences.set(formatPrefix(offence.prefix), offence);
  }

  forget(prefix: Prefix): void {
    this.#offences.delete(formatPrefix(prefix));
  }

  /** What is to be forgotten: the oldest beyond the limit, and what lies too far back. */
  *outdated(now: number): Generator<Offence> {
    let surplus = this.#offences.size - this.limit;
    for (const offence of this.#offences.values()) {
      if (surplus-- <= 0 && now - offence.until <= MEMORY_SPAN) return;
      yield offence;
    }
  }
}
