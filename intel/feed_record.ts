/** One feed of the configuration: its last good copy, how it goes, and when it is due. */
import type { FeedContent, FeedSource, FeedState, Refusals } from "./feed.ts";
import type { FeedCopy } from "./feed_cache.ts";
import type { Validators } from "./fetch_result.ts";
import { shownUrl } from "./feed_url.ts";
import { isSameRequest } from "./feed_judgement.ts";

/** A feed as the manager is told of it. */
export type ConfiguredFeed = FeedSource & { readonly enabled: boolean };

/** A copy without its list: all that is kept of a feed that is switched off. */
type Summary = Omit<FeedCopy, "content"> & {
  readonly foundFormat: FeedContent["format"];
  readonly entries: number;
  readonly refused: Refusals;
};

const NOTHING_KNOWN: Validators = { etag: null, lastModified: null };

/** Changes as its feed is fetched. */
export class FeedRecord {
  source: ConfiguredFeed;
  #copy: FeedCopy | undefined;
  #summary: Summary | undefined;
  /** Done when the copy on disk was looked for; nothing where nobody looks yet. */
  loaded: Promise<void> | undefined;
  /** Milliseconds since 1970. */
  dueAt: number;
  /** Ends the fetch that is under way. */
  abort: AbortController | undefined;
  /** Done when the fetch that is under way or waits for its turn is. */
  attempt: Promise<void> | undefined;
  receivedBytes = 0;
  /** Takes what `requirePlausible` would refuse, once. */
  isForced = false;
  /** Failed attempts since the last good one, and why the last one failed. */
  #failures = 0;
  #error: string | null = null;
  /** Entries that are refused because they hold a protected address. */
  refusedProtected = 0;

  constructor(source: ConfiguredFeed, now: number) {
    this.source = source;
    this.dueAt = now;
  }

  /** The last good copy; of a feed that is switched off there is none. */
  get copy(): FeedCopy | undefined {
    return this.#copy;
  }

  /** What the publisher said of the copy, as far as asking again would give the same. */
  get validators(): Validators {
    const copy = this.#copy;
    return copy && isSameRequest(copy.configured, this.source) ? copy : NOTHING_KNOWN;
  }

  /** Takes over a copy from the disk or a fetch. */
  take(copy: FeedCopy): void {
    const { content, ...rest } = copy;
    const { format, list, refused } = content;
    this.#summary = { ...rest, foundFormat: format, entries: list.size, refused };
    if (this.source.enabled) this.#copy = copy;
  }

  /** Notes that the publisher was asked and has nothing new. */
  checked(at: number): void {
    if (this.#copy) this.take({ ...this.#copy, checkedAt: at });
  }

  /** Failed attempts since the last good one. */
  get failures(): number {
    return this.#failures;
  }

  /** Why the last attempt failed; null where it did not. */
  get error(): string | null {
    return this.#error;
  }

  /** Notes a good attempt. */
  succeeded(dueAt: number): void {
    this.#failures = 0;
    this.#error = null;
    this.dueAt = dueAt;
  }

  /** Notes an attempt that failed. */
  failed(reason: string, dueAt: number): void {
    this.#failures++;
    this.#error = reason;
    this.dueAt = dueAt;
  }

  /** Lets go of the list. */
  switchOff(): void {
    this.#copy = undefined;
    this.loaded = undefined;
    this.#error = null;
    this.#failures = 0;
  }

  /** How it goes. @param isScheduled whether `dueAt` means anything */
  state(isScheduled: boolean): FeedState {
    const { name, url, format, enabled, interval } = this.source;
    const summary = this.#summary;
    const isDue = isScheduled && enabled;
    return {
      ...{ name, url: shownUrl(url), format, enabled, interval },
      foundFormat: summary?.foundFormat ?? null,
      status: this.#status(),
      receivedBytes: this.receivedBytes,
      entries: Math.max(0, (summary?.entries ?? 0) - this.refusedProtected),
      refused: this.#refused(),
      fetchedAt: summary ? new Date(summary.fetchedAt).toISOString() : null,
      checkedAt: summary ? new Date(summary.checkedAt).toISOString() : null,
      nextAt: isDue ? new Date(this.dueAt).toISOString() : null,
      error: this.#error,
    };
  }

  #refused(): Refusals {
    const refused = this.#summary?.refused ?? {};
    if (this.refusedProtected === 0) return refused;
    return { ...refused, protected: (refused.protected ?? 0) + this.refusedProtected };
  }

  #status(): FeedState["status"] {
    if (!this.source.enabled) return "disabled";
    if (this.abort) return "fetching";
    if (!this.#copy) return "never";
    return this.#error === null ? "ok" : "kept";
  }
}
