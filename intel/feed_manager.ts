/**
 * All feeds of the configuration: their last good copies, the schedule by which they are fetched,
 * and how each of them goes. The running firewall and the command line use the same one.
 */
import { errorText, ExitCode, PfwError } from "../engine/errors.ts";
import { FeedError, type FeedState } from "./feed.ts";
import { FeedCache } from "./feed_cache.ts";
import { FeedCopies } from "./feed_copies.ts";
import { FeedLog, oneLine } from "./feed_log.ts";
import { FETCH_LIMITS, fetchFeed } from "./feed_fetch.ts";
import { count, isSameAsked } from "./feed_judgement.ts";
import { type ConfiguredFeed, FeedRecord } from "./feed_record.ts";
import {
  type Clock,
  Coalesced,
  pauseAfter,
  sensibleDueAt,
  SYSTEM_CLOCK,
  Turns,
} from "./feed_schedule.ts";
import { AskedToWait } from "./fetch_result.ts";
import type { ReadEnvironment } from "./secret_headers.ts";
import type { NamedContent } from "./threat_list.ts";

/** What it works with. */
export interface FeedManagerOptions {
  /** `<data-dir>/feeds`; made when the first copy is kept. */
  readonly cacheDir: string;
  /** One line; each reason for a failure is told once. */
  readonly log: (level: "info" | "warn", text: string) => void;
  /** Called after a feed's list changed; it resolves when the list is in force. */
  readonly onChange: () => Promise<void>;
  readonly fetch?: typeof fetchFeed;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly readEnv?: ReadEnvironment;
}

/** Fetches at once. */
const AT_ONCE = 2;
/** Entries of all feeds together: what a machine holds in memory and in its kernel without harm. */
const MAX_ENTRIES = 2_000_000;
/** Milliseconds between two looks at the clock: it may be set, and a machine may sleep. */
const LONGEST_NAP = 60_000;

/** Configure it, load the copies, then begin the schedule or ask for an update. */
export class FeedManager {
  readonly #options: FeedManagerOptions;
  readonly #copies: FeedCopies;
  readonly #clock: Clock;
  readonly #turns = new Turns(AT_ONCE);
  readonly #changes: Coalesced;
  readonly #feedLog: FeedLog;
  /** Attempts that have not ended, those of feeds that are gone among them. */
  readonly #attempts = new Set<Promise<void>>();
  #records: readonly FeedRecord[] = [];
  #isBegun = false;
  #isStopped = false;
  #callOff = () => {};

  constructor(options: FeedManagerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#feedLog = new FeedLog(options.log);
    this.#copies = new FeedCopies(new FeedCache(options.cacheDir), this.#feedLog, this.#clock);
    this.#changes = new Coalesced(() => this.#tellChange());
  }

  /** Takes over which feeds are wanted; new and changed ones are due at once. */
  configure(feeds: readonly ConfiguredFeed[]): void {
    const before = new Map(this.#records.map((record) => [record.source.name, record]));
    this.#records = feeds.map((feed) => {
      const record = before.get(feed.name);
      // Another address is another feed: what stood at the old one says nothing of this.
      if (record?.source.url !== feed.url) return new FeedRecord(feed, this.#clock.now());
      before.delete(feed.name);
      this.#reconfigure(record, feed);
      return record;
    });
    for (const record of before.values()) this.#end(record);
    this.#arm();
  }

  /** Reads the copies that were not looked for yet; what cannot be read is told and left out. */
  async load(): Promise<void> {
    await Promise.all(this.#records.map((record) => this.#copies.load(record)));
    const names = this.#records.map(({ source }) => source.name);
    // Without a directory, or the right to look into it, there is nothing to tidy up.
    await this.#copies.prune(names).catch(() => {});
    this.#arm();
  }

  /** What the enabled feeds with a good copy say, in the order of the configuration. */
  contents(): readonly NamedContent[] {
    return this.#records.flatMap(({ source, copy }) =>
      copy ? [{ name: source.name, content: copy.content }] : []
    );
  }

  /** How each feed goes, in the order of the configuration. */
  states(): readonly FeedState[] {
    return this.#records.map((record) => record.state(this.#isBegun && !this.#isStopped));
  }

  /** Whether a fetch is under way or waits for its turn. */
  get updating(): boolean {
    return this.underWay.length > 0;
  }

  /** The names of the feeds that are fetched, wait for their turn, or are not in force yet. */
  get underWay(): readonly string[] {
    return this.#records.filter(({ attempt }) => attempt !== undefined)
      .map(({ source }) => source.name);
  }

  /** Takes over what `ThreatList.merge` refused, for `states`. */
  setRefusedProtected(refused: ReadonlyMap<string, number>): void {
    for (const record of this.#records) {
      record.refusedProtected = refused.get(record.source.name) ?? 0;
    }
  }

  /**
   * Fetches now; resolves when all is done and in force. A fetch under way is not begun again. What
   * failed is in `states`.
   *
   * @param names all enabled feeds unless given
   * @param force takes a list that shrank, changed its form or blocks too much
   * @throws PfwError for a name that is not configured or switched off
   */
  async update(names?: readonly string[], force = false): Promise<void> {
    const records = names
      ? [...new Set(names)].map((name) => this.#enabled(name))
      : this.#records.filter(({ source }) => source.enabled);
    for (const record of records) record.isForced ||= force;
    await Promise.all(records.map((record) => this.#attempt(record)));
  }

  /** Begins to fetch each feed when it is due. */
  begin(): void {
    this.#isBegun = true;
    this.#arm();
  }

  /** Ends the schedule and what is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#callOff();
    for (const record of this.#records) record.abort?.abort();
    await Promise.all(this.#attempts);
    await this.#changes.idle();
  }

  #enabled(name: string): FeedRecord {
    const record = this.#records.find(({ source }) => source.name === name);
    if (record?.source.enabled) return record;
    const why = record ? "it is switched off" : "no feed of that name is configured";
    const next = record ? "enable it first" : "see pfw threats feeds";
    throw new PfwError(`cannot update ${oneLine(name)}`, why, next, ExitCode.usage);
  }

  #reconfigure(record: FeedRecord, feed: ConfiguredFeed): void {
    const before = record.source, now = this.#clock.now();
    record.source = feed;
    if (!feed.enabled) {
      this.#end(record);
      record.switchOff();
    } else if (!before.enabled || !isSameAsked(before, feed)) {
      record.abort?.abort();
      record.dueAt = now;
    } else if (before.interval !== feed.interval) {
      record.dueAt = Math.min(record.dueAt, now + pauseAfter(feed.interval, 0, this.#random()));
    }
  }

  #end(record: FeedRecord): void {
    record.abort?.abort();
    this.#feedLog.forget(record.source.name);
  }

  #attempt(record: FeedRecord): Promise<void> {
    if (record.attempt) return record.attempt;
    const attempt = this.#fetchInTurn(record).finally(() => {
      this.#attempts.delete(attempt);
      record.attempt = undefined;
      record.isForced = false;
      this.#arm();
    });
    this.#attempts.add(attempt);
    return record.attempt = attempt;
  }

  /** Its turn ends before the list is in force: the next may fetch meanwhile. */
  async #fetchInTurn(record: FeedRecord): Promise<void> {
    const isChanged = await this.#turns.run(() => this.#fetchUntilDone(record));
    if (isChanged) await this.#changes.call();
  }

  /** Answers whether the list changed. Ended by a new configuration, it is done once more. */
  async #fetchUntilDone(record: FeedRecord): Promise<boolean> {
    while (!this.#isStopped && record.source.enabled && this.#records.includes(record)) {
      const abort = record.abort = new AbortController();
      try {
        const isChanged = await this.#fetchOnce(record, abort.signal);
        if (isChanged !== undefined) return isChanged;
      } finally {
        record.abort = undefined;
        record.receivedBytes = 0;
      }
    }
    // Who waits for it must not take the silence for success.
    if (this.#isStopped) record.failed("stopped before it was complete", record.dueAt);
    return false;
  }

  /** Answers whether the list changed, nothing where it was ended. */
  async #fetchOnce(record: FeedRecord, signal: AbortSignal): Promise<boolean | undefined> {
    try {
      const isNew = record.loaded === undefined;
      // First: without the old list nothing could be said of the new one.
      await this.#copies.load(record);
      // In force at once, however long the publisher takes.
      if (isNew && record.copy) void this.#changes.call();
      const result = await (this.#options.fetch ?? fetchFeed)(record.source, record.validators, {
        limits: { ...FETCH_LIMITS, entries: this.#roomFor(record) },
        signal,
        readEnv: this.#options.readEnv,
        onProgress: (bytes) => record.receivedBytes = bytes,
      });
      if (signal.aborted) return undefined;
      const isChanged = await this.#copies.take(record, result);
      if (signal.aborted) return undefined;
      this.#succeeded(record, isChanged);
      return isChanged;
    } catch (error) {
      if (signal.aborted) return undefined;
      this.#failed(record, error);
      return false;
    }
  }

  #roomFor(record: FeedRecord): number {
    const others = this.#records.filter((other) => other !== record);
    const room = MAX_ENTRIES -
      others.reduce((sum, { copy }) => sum + (copy?.content.list.size ?? 0), 0);
    if (room <= 0) throw new FeedError(`the feeds hold ${count(MAX_ENTRIES)} entries together`);
    return Math.min(room, FETCH_LIMITS.entries);
  }

  #succeeded(record: FeedRecord, isChanged: boolean): void {
    const { source, copy, failures } = record;
    record.succeeded(this.#clock.now() + pauseAfter(source.interval, 0, this.#random()));
    this.#feedLog.settle(source.name, "fetch");
    if (isChanged || failures > 0) {
      this.#feedLog.info(source.name, `${count(copy?.content.list.size ?? 0)} entries`);
    }
  }

  #failed(record: FeedRecord, error: unknown): void {
    const { source, copy } = record;
    const asked = error instanceof AskedToWait ? Math.min(error.seconds, source.interval) : 0;
    const pause = pauseAfter(source.interval, record.failures + 1, this.#random());
    const dueAt = this.#clock.now() + Math.max(pause, asked * 1000);
    record.failed(oneLine(errorText(error)), dueAt);
    const kept = copy ? `; the old list of ${count(copy.content.list.size)} entries stays` : "";
    this.#feedLog.warn(source.name, "fetch", `${record.error}${kept}`);
  }

  async #tellChange(): Promise<void> {
    try {
      await this.#options.onChange();
      this.#feedLog.settle("all", "change");
    } catch (error) {
      this.#feedLog.warn("all", "change", `not in force: ${errorText(error)}`);
    }
  }

  #random(): number {
    return (this.#options.random ?? Math.random)();
  }

  /** Sleeps until the next feed is due. */
  #arm(): void {
    this.#callOff();
    this.#callOff = () => {};
    if (!this.#isBegun || this.#isStopped) return;
    const now = this.#clock.now();
    const waiting = this.#records.filter(({ source, attempt }) => source.enabled && !attempt);
    for (const record of waiting) {
      record.dueAt = sensibleDueAt(record.dueAt, now, record.source.interval);
    }
    const next = Math.min(now + LONGEST_NAP, ...waiting.map(({ dueAt }) => dueAt));
    this.#callOff = this.#clock.after(Math.max(0, next - now), () => this.#wake());
  }

  #wake(): void {
    const now = this.#clock.now();
    for (const record of this.#records) {
      if (record.source.enabled && record.dueAt <= now) void this.#attempt(record);
    }
    this.#arm();
  }
}
