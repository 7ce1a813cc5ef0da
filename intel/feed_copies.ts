/** The good copies of feeds, from the disk and from fetches: which is taken, and which is kept. */
import { errorText } from "../engine/errors.ts";
import type { FeedCache } from "./feed_cache.ts";
import { isSameContent, isSameRequest, requirePlausible } from "./feed_judgement.ts";
import type { FeedLog } from "./feed_log.ts";
import type { FeedRecord } from "./feed_record.ts";
import { type Clock, firstFetchAt } from "./feed_schedule.ts";
import type { FetchResult } from "./fetch_result.ts";

/** Gives feeds their copies. */
export class FeedCopies {
  readonly #cache: FeedCache;
  readonly #log: FeedLog;
  readonly #clock: Clock;

  constructor(cache: FeedCache, log: FeedLog, clock: Clock) {
    this.#cache = cache;
    this.#log = log;
    this.#clock = clock;
  }

  /** Reads the copy of a feed, once; what cannot be read is told and left out. */
  load(record: FeedRecord): Promise<void> {
    return record.loaded ??= this.#read(record);
  }

  async #read(record: FeedRecord): Promise<void> {
    const { name, url, interval } = record.source;
    const answer = await this.#cache.read(name);
    if (!answer.copy) {
      if (answer.problem) this.#log.warn(name, "copy", `the kept copy ${answer.problem}`);
      return;
    }
    if (answer.copy.url !== url) return;
    record.take(answer.copy);
    const { checkedAt, configured } = answer.copy;
    const asked = isSameRequest(configured, record.source) ? checkedAt : null;
    record.dueAt = firstFetchAt(this.#clock.now(), interval, asked);
  }

  /**
   * Takes over what a fetch brought.
   *
   * @returns whether the feed says something else now
   * @throws FeedError for a list that is suspicious: the old one stays
   */
  async take(record: FeedRecord, result: FetchResult): Promise<boolean> {
    const { source, copy: before } = record, now = this.#clock.now();
    if (result.kind === "unchanged") {
      record.checked(now);
      await this.#keep(source.name, () => this.#touch(record, now));
      return false;
    }
    const { content, etag, lastModified } = result;
    if (!record.isForced) requirePlausible(before, content, source);
    const { name, url, format, minimum } = source;
    const isSame = before !== undefined && isSameContent(before.content, content);
    const copy = {
      ...{ name, url, configured: { format, minimum }, etag, lastModified },
      ...{ fetchedAt: now, checkedAt: now, content: isSame ? before.content : content },
    };
    record.take(copy);
    await this.#keep(name, () => this.#cache.write(copy));
    return !isSame;
  }

  /** A file that somebody deleted is written again. */
  async #touch({ source, copy }: FeedRecord, at: number): Promise<void> {
    try {
      await this.#cache.touch(source.name, at);
    } catch (error) {
      if (!copy || !(error instanceof Deno.errors.NotFound)) throw error;
      await this.#cache.write(copy);
    }
  }

  /** What cannot be kept on disk is used all the same. */
  async #keep(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#log.settle(name, "copy");
    } catch (error) {
      this.#log.warn(name, "copy", `cannot keep it on disk: ${errorText(error)}`);
    }
  }

  /** Deletes copies of feeds that are long gone from the configuration. */
  async prune(configured: readonly string[]): Promise<void> {
    await this.#cache.prune(configured, this.#clock.now());
  }
}
