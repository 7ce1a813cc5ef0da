/** Reading a whole feed at once, or in pieces. */
import assert from "node:assert/strict";
import { type FeedContent, FeedError, type FeedFormat } from "../../intel/feed.ts";
import { FeedReader, type FeedReaderOptions } from "../../intel/feed_reader.ts";
import { SAMPLE_TIME } from "./feed_samples.ts";

export const bytesOf = (text: string) => new TextEncoder().encode(text);

/** What the feed says; `cuts` are where one piece ends and the next begins. */
export function readFeed(
  format: FeedFormat | "auto",
  input: string | Uint8Array,
  options: FeedReaderOptions = {},
  cuts: readonly number[] = [],
): FeedContent {
  const bytes = typeof input === "string" ? bytesOf(input) : input;
  const reader = new FeedReader(format, { now: SAMPLE_TIME, ...options });
  let from = 0;
  for (const to of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    // A copy that is spoilt afterwards: the reader may keep nothing of the caller's bytes.
    const piece = bytes.slice(from, to);
    reader.write(piece);
    piece.fill(0x39);
    from = Math.max(from, to);
  }
  return reader.end();
}

/** The message of the FeedError that reading throws, or what it says where it throws none. */
export function attempt(read: () => FeedContent): string | FeedContent {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof FeedError, `no FeedError: ${error}`);
    return error.message;
  }
}

/** The entries as text, IPv4 first. */
export function textsOf({ list }: FeedContent): string[] {
  return [...list.texts(4), ...list.texts(6)];
}
