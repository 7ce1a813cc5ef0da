/** What of the ban book the database does not have yet, and writing it. */
import { formatPrefix, type Prefix } from "../net/address.ts";
import type { Ban } from "./ban.ts";
import type { BanIndex } from "./ban_index.ts";
import type { BanStore, BanWrites } from "./ban_store.ts";
import type { Offence, OffenceMemory } from "./offence_memory.ts";

/** Prefixes written in one transaction: some 10 ms, during which no packet is read. */
const WRITTEN_AT_ONCE = 1_000;

/** Prefixes to write, by their text; what to write is what index and memory say by then. */
export class UnsavedBans {
  readonly #prefixes = new Map<string, Prefix>();
  /** Which opening of the database has what is not listed here. */
  #generation: number;
  /** The tables are to be written whole: too much to list, or they hold what is not ours. */
  #isEverything = false;

  /** @param limit how many prefixes are listed, at least what index and memory hold together */
  constructor(
    private readonly store: BanStore,
    private readonly index: BanIndex,
    private readonly memory: OffenceMemory,
    private readonly limit: number,
  ) {
    this.#generation = store.generation;
  }

  get size(): number {
    const isAll = this.#isEverything || this.#generation !== this.store.generation;
    return isAll ? this.index.size + this.memory.size : this.#prefixes.size;
  }

  add(key: string, prefix: Prefix): void {
    if (this.#isEverything) return;
    this.#prefixes.set(key, prefix);
    // Only while the database cannot be written, and sources by the thousand come and go.
    if (this.#prefixes.size > this.limit) this.everything();
  }

  /** Says that the database has all of it, as it was just read. */
  nothing(): void {
    this.#generation = this.store.generation;
    this.#isEverything = false;
    this.#prefixes.clear();
  }

  /** Says that the tables are to be written whole. */
  everything(): void {
    this.#isEverything = true;
    this.#prefixes.clear();
  }

  /**
   * Writes what is to be written, for about `budget` milliseconds.
   *
   * @returns whether the database has everything now
   */
  save(budget: number): boolean {
    const start = performance.now();
    do {
      if (this.#generation !== this.store.generation) this.#addAll();
      if (this.#isEverything) {
        if (!this.#replace()) return false;
      } else if (this.#prefixes.size === 0) return true;
      else if (!this.#writeSome()) return false;
    } while (performance.now() - start <= budget);
    return this.size === 0 && !this.#isEverything;
  }

  /** After another opening: bans first, for those must not be lost. */
  #addAll(): void {
    this.#generation = this.store.generation;
    for (const { prefix } of this.index.values()) this.add(formatPrefix(prefix), prefix);
    for (const { prefix } of this.memory.values()) this.add(formatPrefix(prefix), prefix);
  }

  #replace(): boolean {
    const bans = [...this.index.values()], offences = [...this.memory.values()];
    if (!this.store.replace({ bans, offences, forgotten: [] })) return false;
    this.#isEverything = false;
    return true;
  }

  #writeSome(): boolean {
    const bans: Ban[] = [], offences: Offence[] = [], forgotten: string[] = [];
    const writes: BanWrites = { bans, offences, forgotten };
    const keys: string[] = [];
    for (const [key, prefix] of this.#prefixes) {
      if (keys.length === WRITTEN_AT_ONCE) break;
      keys.push(key);
      const ban = this.index.get(prefix), offence = this.memory.get(prefix);
      if (ban) bans.push(ban);
      else if (offence) offences.push(offence);
      else forgotten.push(key);
    }
    if (!this.store.write(writes)) return false;
    for (const key of keys) this.#prefixes.delete(key);
    return true;
  }
}
