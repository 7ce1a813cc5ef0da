/**
 * Who is banned, why and until when: decides what detections and people's requests come to, and
 * keeps it in the database. The kernel and the matcher follow it.
 */
import type { Detection } from "../detect/detection.ts";
import { PfwError } from "../errors.ts";
import { formatPrefix, type Prefix } from "../net/address.ts";
import type { PrefixList } from "../net/prefix_list.ts";
import type { BanSettings } from "../policy/settings.ts";
import { automaticBan } from "./automatic_ban.ts";
import type { Ban, BanView } from "./ban.ts";
import type {
  BanAddition,
  BanChange,
  BanRefusal,
  BanRefusalCause,
  BanRemoval,
} from "./ban_change.ts";
import { BanLedger } from "./ban_ledger.ts";
import type { BanStore } from "./ban_store.ts";
import { checkRequest, refuseFull, refuseProtected } from "./ban_request.ts";
import { type BanTarget, sourceNetwork, targetOf } from "./ban_target.ts";
import { obstacleTo } from "./protection.ts";
import { SaidOnce } from "./said_once.ts";
import { viewOf } from "./stored_ban.ts";

export { viewOf } from "./stored_ban.ts";

/** What the book works with. */
export interface BanBookParts {
  readonly settings: BanSettings;
  /** The whitelist, and what the machine and its operator depend on. Asked for every ban. */
  readonly isProtected: () => PrefixList;
  /**
   * Whether this machine is in conversation with an address of the prefix, one that it began. Such a
   * peer is not banned for packets that somebody may have forged to have it cut off.
   *
   * @param now seconds since 1970
   */
  readonly isPeer?: (prefix: Prefix, now: number) => boolean;
  readonly store: BanStore;
  /** Bans in force at most, and again past offences. */
  readonly limit?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A detection of a banned source this soon after its ban tells of packets under way. */
const GRACE = 10_000;

/** Bans that `expire` ends in one go: no packet is read meanwhile. */
const ENDED_AT_ONCE = 5_000;

/** A clock that falls behind by so many milliseconds within a second was set. */
const SET_BACK = 5_000;

/** Longest pause for writing after an automatic change, in milliseconds. */
const SAVE_BUDGET = 10;

/** Changes are in the database when a method returns, or are written by a later `expire`. */
export class BanBook {
  /** Automatic bans that ended early for newer ones because the book was full. */
  evicted = 0;
  /** Detections that were not acted upon, by why. */
  readonly refused: Record<BanRefusalCause, number> = {
    banned: 0,
    protected: 0,
    full: 0,
    dry_run: 0,
  };
  readonly #ledger: BanLedger;
  readonly #store: BanStore;
  readonly #isProtected: () => PrefixList;
  readonly #isPeer: (prefix: Prefix, now: number) => boolean;
  readonly #limit: number;
  readonly #now: () => number;
  readonly #said = new SaidOnce(1_024);
  #settings: BanSettings;
  #batches = 0;
  /** What the clock said last. */
  #clock: number;

  constructor(parts: BanBookParts) {
    const { settings, isProtected, isPeer, store, limit = 65_536, now = Date.now } = parts;
    this.#settings = settings;
    this.#isProtected = isProtected;
    this.#isPeer = isPeer ?? (() => false);
    this.#store = store;
    this.#limit = limit;
    this.#now = now;
    this.#clock = now();
    this.#ledger = new BanLedger(store, limit);
  }

  /** Changes how long bans last from now on. */
  configure(settings: BanSettings): void {
    this.#settings = settings;
  }

  /**
   * Takes over the bans of the database: once, before anything else. Automatic ones that hold what
   * has become protected since are lifted.
   *
   * @throws PfwError where it cannot be read
   */
  load(): void {
    if (!this.#ledger.load(this.#now())) {
      const why = this.#store.fault ?? "the database cannot be read";
      throw new PfwError("cannot read the bans", why, "try again");
    }
    this.releaseProtected();
  }

  /** Bans the source of a detection, longer each time. */
  offend(detection: Detection): BanChange | BanRefusal {
    const now = this.#now(), source = detection.source;
    if (detection.isDryRun) return this.#refuse("dry_run", "dry run", false);
    const held = this.#banHolding(source, now);
    if (held && (held.cause === "manual" || detection.at - held.since < GRACE)) {
      return this.#refuse("banned", `banned as ${formatPrefix(held.prefix)}`, false);
    }
    const { index, networks } = this.#ledger;
    const obstacle = (prefix: Prefix) =>
      this.#obstacle(prefix) ?? this.#conversation(prefix, detection);
    const isFree = (prefix: Prefix) => obstacle(prefix) === undefined;
    const target = targetOf(source, held, { index, networks, isFree, now });
    if (!target) {
      const why = obstacle(source) ?? obstacle(sourceNetwork(source))!;
      return this.#refuse("protected", why, this.#said.isNew(formatPrefix(source)));
    }
    return this.#ban(detection, target, now);
  }

  /**
   * Bans at a person's word: all of the prefixes or none. An earlier ban of the same prefix is
   * replaced, wider and narrower ones stay beside it.
   *
   * @param seconds 1 to ten years
   * @param force also what is whitelisted or what the machine and its operator depend on
   * @throws PfwError exit 2 for a bad time or reason, 1 where something is protected or the book full
   */
  add(prefixes: readonly Prefix[], seconds: number, reason: string, force: boolean): BanAddition {
    const text = checkRequest(seconds, reason);
    if (!force) refuseProtected(prefixes, this.#isProtected());
    const distinct = [
      ...new Map(prefixes.map((prefix) => [formatPrefix(prefix), prefix])).values(),
    ];
    refuseFull(distinct, this.#ledger, this.#limit);
    const now = this.#now(), until = now + 1000 * seconds;
    const added: Ban[] = [], removed: Prefix[] = [];
    const undo = this.#ledger.recorded(() => {
      for (const prefix of distinct) {
        const earlier = this.#banInForce(prefix, now)?.offences;
        const offences = earlier ?? this.#ledger.offencesOf(prefix, now) + 1;
        added.push({
          prefix,
          cause: "manual",
          reason: text,
          evidence: {},
          since: now,
          until,
          offences,
        });
        this.#ledger.start(added[added.length - 1]);
      }
      while (this.#ledger.index.size > this.#limit) removed.push(this.#evict(now));
    });
    this.#save(Infinity);
    return { added, removed, undo: () => this.#undo(undo) };
  }

  /**
   * Lifts bans and forgets the offences, also those of networks within: the next ban is the first
   * again. A single IPv6 address stands for the ban of its network, for no other names it.
   */
  remove(prefixes: readonly Prefix[]): BanRemoval {
    const removed: Ban[] = [], unknown: Prefix[] = [], now = this.#now();
    const undo = this.#ledger.recorded(() => {
      for (const prefix of prefixes) {
        const ban = this.#ledger.pardon(prefix, now);
        if (ban) removed.push(ban);
        else unknown.push(prefix);
      }
    });
    this.#save(Infinity);
    return { removed, unknown, undo: () => this.#undo(undo) };
  }

  /**
   * Ends bans whose time is over, and returns them: 5,000 at most, which take some 20 ms. To be
   * called about once a second; it also writes what could not be written before.
   */
  expire(): Ban[] {
    const now = this.#now();
    const over = this.#ledger.endOver(now, ENDED_AT_ONCE);
    this.#ledger.trim(now);
    this.#save(SAVE_BUDGET);
    return over;
  }

  /**
   * Keeps the bans as long as they were said to be where somebody set the clock back: ten minutes
   * would else become a day. To be called about once a second, before `expire`. A clock that goes on
   * by leaps is believed: the machine slept, or had no clock as it started.
   *
   * @returns whether the bans end at other times now
   */
  followClock(): boolean {
    const now = this.#now(), back = this.#clock - now;
    this.#clock = now;
    if (back < SET_BACK) return false;
    this.#ledger.setBack(back);
    this.#save(SAVE_BUDGET);
    return true;
  }

  /**
   * Lifts the automatic bans that hold what is protected by now, and returns them. To be called when
   * the whitelist or what the machine depends on has changed.
   */
  releaseProtected(): Ban[] {
    const wrong = this.bans().filter(({ cause, prefix }) =>
      cause !== "manual" && this.#obstacle(prefix) !== undefined
    );
    for (const { prefix } of wrong) this.#ledger.forget(prefix);
    this.#save(SAVE_BUDGET);
    return wrong;
  }

  /** Runs `changes` and writes what they come to in one go: for many detections at once. */
  batch<T>(changes: () => T): T {
    this.#batches++;
    try {
      return changes();
    } finally {
      this.#batches--;
      this.#save(SAVE_BUDGET);
    }
  }

  /** Writes what the database does not have yet. Returns whether it has everything now. */
  save(): boolean {
    return this.#ledger.save(Infinity);
  }

  /** Prefixes whose state is not in the database yet: 0 unless it cannot be written. */
  get unsaved(): number {
    return this.#ledger.unsaved;
  }

  /** The bans, oldest first: also those whose time ran out since the last `expire`. */
  bans(): readonly Ban[] {
    return this.#ledger.bans;
  }

  /** How many there are. */
  get size(): number {
    return this.#ledger.index.size;
  }

  /** The same as people and scripts see them. */
  views(): BanView[] {
    const now = this.#now();
    return this.bans().filter(({ until }) => until > now).map((ban) => viewOf(ban, now));
  }

  /** What the bans hold; the same object until one comes or goes. */
  get list(): PrefixList {
    return this.#ledger.list;
  }

  /** The ban of exactly that prefix: after a batch, what of its changes still stands. */
  get(prefix: Prefix): Ban | undefined {
    return this.#ledger.index.get(prefix);
  }

  /** The narrowest ban that holds an address, given as signed words. Allocates nothing. */
  find(family: number, w0: number, w1: number, w2: number, w3: number): Ban | undefined {
    return this.#ledger.index.find(family, w0, w1, w2, w3);
  }

  #ban(detection: Detection, target: BanTarget, now: number): BanChange | BanRefusal {
    const { prefix } = target, ledger = this.#ledger;
    const narrower = ledger.automaticWithin(prefix, now);
    const needsRoom = !ledger.index.get(prefix) && narrower.length === 0;
    if (needsRoom && ledger.index.size >= this.#limit && !ledger.firstToGive()) {
      const why = `all of the ${this.#limit} bans that are kept are a person's`;
      return this.#refuse("full", why, this.#said.isNew("full"));
    }
    const added = automaticBan(detection, target, narrower, ledger, this.#settings, now);
    const removed = narrower.map((ban) => ban.prefix);
    for (const ban of narrower) ledger.end(ban, now);
    if (needsRoom && ledger.index.size >= this.#limit) removed.push(this.#evict(now));
    ledger.start(added);
    this.#save(SAVE_BUDGET);
    return { kind: "banned", added, removed };
  }

  /** Ends the automatic ban that ends first. There must be one. */
  #evict(now: number): Prefix {
    const ban = this.#ledger.firstToGive()!;
    this.#ledger.end(ban, now);
    if (ban.until > now) this.evicted++;
    return ban.prefix;
  }

  /** The ban in force that holds all of a prefix, the narrowest of them. */
  #banHolding({ family, words, length }: Prefix, now: number): Ban | undefined {
    return this.#ledger.index.find(family, ...words, length, now);
  }

  #banInForce(prefix: Prefix, now: number): Ban | undefined {
    const ban = this.#ledger.index.get(prefix);
    return ban && ban.until > now ? ban : undefined;
  }

  #obstacle(prefix: Prefix): string | undefined {
    return obstacleTo(prefix, this.#isProtected());
  }

  #conversation(prefix: Prefix, { at }: Detection): string | undefined {
    if (!this.#isPeer(prefix, at / 1000)) return undefined;
    return "this machine speaks with it, and what was seen may be forged";
  }

  #refuse(cause: BanRefusalCause, why: string, isWorthSaying: boolean): BanRefusal {
    this.refused[cause]++;
    return { kind: "refused", cause, why, isWorthSaying };
  }

  #undo(undo: () => void): void {
    undo();
    this.#save(Infinity);
  }

  #save(budget: number): void {
    if (this.#batches === 0) this.#ledger.save(budget);
  }
}
