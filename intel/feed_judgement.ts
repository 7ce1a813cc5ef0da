/** Whether a feed's new text may replace the old: a publisher's mishap must not open the firewall. */
import { type FeedContent, FeedError, type FeedSource } from "./feed.ts";
import type { FeedCopy } from "./feed_cache.ts";
import { tooWide } from "./feed_width.ts";
import { isSameList } from "../engine/net/prefix_list.ts";

/** A list of so many entries or fewer comes and goes as a whole: Feodo Tracker is often near-empty. */
const SMALL = 1_000;

/** What the text was asked for with. */
interface Asked {
  readonly format: string;
  readonly minimum: number;
}

/**
 * @param before the last good copy, where there is one
 * @throws FeedError that says what is suspicious
 */
export function requirePlausible(
  before: FeedCopy | undefined,
  after: FeedContent,
  asked: Asked,
): void {
  const wide = tooWide(after.list);
  // One that was as wide before was forced, by somebody who wants it so.
  if (wide && !(before && tooWide(before.content.list))) {
    throw new FeedError(`would block more than a quarter of all ${wide} addresses`);
  }
  // Asked for with another form or minimum, the same text rightly says something else.
  if (!before || !isSameRequest(before.configured, asked)) return;
  const old = before.content, had = old.list.size, has = after.list.size;
  if (after.format !== old.format) {
    throw new FeedError(`changed its form from ${old.format} to ${after.format}`);
  }
  if (had > SMALL && has < had / 2) {
    throw new FeedError(`lost ${count(had - has)} of ${count(had)} entries at once`);
  }
}

/** Whether a copy was asked for as it would be now. */
export function isSameRequest(a: Asked, b: Asked): boolean {
  return a.format === b.format && a.minimum === b.minimum;
}

/** Whether a feed is asked for in the same way, keys included. */
export function isSameAsked(a: FeedSource, b: FeedSource): boolean {
  return isSameRequest(a, b) && a.allowInsecure === b.allowInsecure &&
    JSON.stringify(a.headers) === JSON.stringify(b.headers);
}

/** Whether two texts say the same. */
export function isSameContent(a: FeedContent, b: FeedContent): boolean {
  return isSameList(a.list, b.list) && a.levels.every((level, at) => level === b.levels[at]) &&
    a.format === b.format && JSON.stringify(a.refused) === JSON.stringify(b.refused);
}

/** A number for people. */
export function count(entries: number): string {
  return entries.toLocaleString("en-US");
}
