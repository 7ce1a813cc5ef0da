/** Whether a feed's new text may replace the old: a publisher's mishap must not open the firewall. */
import { type FeedContent, FeedError } from "./feed.ts";
import type { FeedCopy } from "./feed_cache.ts";

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

/** A number for people. */
export function count(entries: number): string {
  return entries.toLocaleString("en-US");
}
