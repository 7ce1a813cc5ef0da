/**
 * The state of the ban book: who is banned, who was, and what of it the database does not have yet.
 * It decides nothing; it keeps its parts and the database in step.
 */
import { formatPrefix, type Prefix } from "../net/address.ts";
import { PrefixList } from "../net/prefix_list.ts";
import type { Ban } from "./ban.ts";
import { BanIndex } from "./ban_index.ts";
import type { BanStore } from "./ban_store.ts";
import { EndQueue } from "./end_queue.ts";
import { Networks } from "./networks.ts";
import { MEMORY_SPAN, type Offence, OffenceMemory } from "./offence_memory.ts";
import { banOf, byAge, offenceOf } from "./stored_ban.ts";
import { UnsavedBans } from "./unsaved_bans.ts";

/** What was known of a prefix before a change. */
interface Before {
  readonly prefix: Prefix;
  readonly ban: Ban | undefined;
  readonly offence: Offence | undefined;
}

/** Bans in force and past offences. */
export class BanLedger {
  readonly index = new BanIndex();
  readonly networks = new Networks();
  readonly #memory: OffenceMemory;
  readonly #unsaved: UnsavedBans;
  readonly #queues: Readonly<Record<"automatic" | "manual", EndQueue>>;
  #journal: Map<string, Before> | undefined;
  #bans: readonly Ban[] | undefined;
  #list: PrefixList | undefined;

  /** @param limit of bans in force, and again of past offences */
  constructor(private readonly store: BanStore, private readonly limit: number) {
    const isLive = (ban: Ban) => this.index.get(ban.prefix) === ban;
    this.#queues = { automatic: new EndQueue(isLive), manual: new EndQueue(isLive) };
    this.#memory = new OffenceMemory(limit);
    this.#unsaved = new UnsavedBans(store, this.index, this.#memory, 4 * limit);
  }

  /** Bans by age, the oldest first. The same array until a ban comes or goes. */
  get bans(): readonly Ban[] {
    return this.#bans ??= [...this.index.values()].sort(byAge);
  }

  /** What the bans hold. The same list until a ban comes or goes. */
  get list(): PrefixList {
    return this.#list ??= PrefixList.from(this.bans.map(({ prefix }) => prefix));
  }

  /** Prefixes whose state is not in the database yet. */
  get unsaved(): number {
    return this.#unsaved.size;
  }

  /** Past offences that are remembered. */
  get remembered(): number {
    return this.#memory.size;
  }

  /** How often a prefix was banned before, as far as that still counts. */
  offencesOf(prefix: Prefix, now: number): number {
    const last = this.index.get(prefix) ?? this.#memory.get(prefix);
    return last && now - last.until <= MEMORY_SPAN ? last.offences : 0;
  }

  /** The automatic ban that ends first. */
  firstToGive(): Ban | undefined {
    return this.#queues.automatic.first();
  }

  /** How many automatic bans there are. */
  get automatic(): number {
    return this.#queues.automatic.size;
  }

  /** Puts a ban in force, in place of an earlier one of the same prefix. */
  start(ban: Ban): void {
    this.#touch(ban.prefix);
    const replaced = this.index.set(ban);
    if (replaced) this.#queueOf(replaced).lifted();
    this.#queueOf(ban).push(ban);
    this.#memory.forget(ban.prefix);
    this.networks.note(ban.prefix, ban.since);
  }

  /** Ends a ban; the offence is remembered. */
  end(ban: Ban, now: number): void {
    const { prefix, offences, since } = ban;
    this.#touch(prefix);
    this.index.delete(prefix);
    this.#queueOf(ban).lifted();
    this.#memory.remember({ prefix, offences, since, until: Math.min(ban.until, now) });
    this.trim(now);
  }

  /** Ends what is banned by that prefix and forgets its offences; returns the ban. */
  forget(prefix: Prefix): Ban | undefined {
    const ban = this.index.get(prefix);
    if (!ban && !this.#memory.get(prefix)) return undefined;
    this.#touch(prefix);
    this.index.delete(prefix);
    if (ban) this.#queueOf(ban).lifted();
    this.#memory.forget(prefix);
    this.networks.forget(prefix);
    return ban;
  }

  /** Automatic bans in force of parts of a network. */
  automaticWithin(prefix: Prefix, now: number): Ban[] {
    return this.networks.within(prefix).flatMap((part) => this.index.get(part) ?? [])
      .filter(({ cause, until }) => cause !== "manual" && until > now);
  }

  /**
   * Lifts one ban with everything that is remembered of it and of its parts. A single IPv6 address
   * stands for the automatic ban of its network.
   */
  pardon(prefix: Prefix, now: number): Ban | undefined {
    const ban = this.index.get(prefix), holder = this.#holderOf(prefix, now);
    // One that is over may or may not be out already: that must make no difference.
    if (ban && holder && holder !== ban) this.end(ban, now);
    const whole = holder?.prefix ?? prefix;
    for (const part of this.networks.within(whole)) {
      const kept = this.index.get(part);
      if (!kept || kept.until <= now) this.forget(part);
    }
    return this.forget(whole);
  }

  /** The ban in force that a prefix stands for. */
  #holderOf(prefix: Prefix, now: number): Ban | undefined {
    const ban = this.index.get(prefix);
    if (ban && ban.until > now) return ban;
    if (prefix.family !== 6 || prefix.length !== 128) return undefined;
    const holder = this.index.find(6, ...prefix.words, 128, now);
    return holder?.cause === "manual" ? undefined : holder;
  }

  /** Ends bans whose time is over and returns them, those that ended first first. */
  endOver(now: number, limit = Infinity): Ban[] {
    const over: Ban[] = [];
    while (true) {
      const firsts = [this.#queues.automatic.first(), this.#queues.manual.first()]
        .filter((ban) => ban !== undefined).sort((a, b) => a.until - b.until);
      if (firsts.length === 0 || firsts[0].until > now || over.length >= limit) return over;
      over.push(firsts[0]);
      this.end(firsts[0], now);
    }
  }

  /** Has every ban begin and end so many milliseconds earlier by the clock. */
  setBack(milliseconds: number): void {
    // Nothing of ours is from before 1970, and a row that says so would not be read again.
    const back = (time: number) => Math.max(0, time - milliseconds);
    for (const ban of this.bans) {
      this.start({ ...ban, since: back(ban.since), until: back(ban.until) });
    }
  }

  /** Forgets offences that are too many or too old. */
  trim(now: number): void {
    for (const { prefix } of this.#memory.outdated(now)) this.forget(prefix);
  }

  /** Runs `change` and returns what takes it back. */
  recorded(change: () => void): () => void {
    const journal = this.#journal = new Map<string, Before>();
    try {
      change();
    } finally {
      this.#journal = undefined;
    }
    return () => {
      for (const before of journal.values()) this.#restore(before);
    };
  }

  /**
   * Takes over what the database holds.
   *
   * @returns false where the database cannot be read
   */
  load(now: number): boolean {
    // One row more than there may be: then the tables are written anew, without the surplus.
    const stored = this.store.read(this.limit + 1, this.limit + 1);
    if (!stored) return false;
    let strange = Math.max(stored.bans.length, stored.offences.length) > this.limit ? 1 : 0;
    for (const row of stored.offences) {
      const offence = offenceOf(row);
      if (!offence) strange++;
      else {
        this.#memory.remember(offence);
        this.networks.note(offence.prefix, offence.since);
      }
    }
    const bans = stored.bans.flatMap((row) => banOf(row) ?? []);
    strange += stored.bans.length - bans.length;
    this.#unsaved.nothing();
    for (const ban of bans.slice(0, this.limit)) this.#take(ban);
    this.endOver(now);
    this.trim(now);
    if (strange > 0) this.#unsaved.everything();
    return true;
  }

  /** See `UnsavedBans.save`. */
  save(budget: number): boolean {
    return this.#unsaved.save(budget);
  }

  /** As `start`, for a ban that the database has. */
  #take(ban: Ban): void {
    this.index.set(ban);
    this.#queueOf(ban).push(ban);
    this.#memory.forget(ban.prefix);
    this.networks.note(ban.prefix, ban.since);
    this.#bans = this.#list = undefined;
  }

  #restore({ prefix, ban, offence }: Before): void {
    this.forget(prefix);
    this.#touch(prefix);
    if (ban) this.#take(ban);
    if (!offence) return;
    this.#memory.remember(offence);
    this.networks.note(prefix, offence.since);
  }

  /** To be called before anything known of a prefix changes. */
  #touch(prefix: Prefix): void {
    const key = formatPrefix(prefix);
    this.#unsaved.add(key, prefix);
    this.#bans = this.#list = undefined;
    if (!this.#journal || this.#journal.has(key)) return;
    const ban = this.index.get(prefix), offence = this.#memory.get(prefix);
    this.#journal.set(key, { prefix, ban, offence });
  }

  #queueOf({ cause }: Ban): EndQueue {
    return cause === "manual" ? this.#queues.manual : this.#queues.automatic;
  }
}
