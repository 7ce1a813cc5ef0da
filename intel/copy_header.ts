/** What stands before the prefixes in the copy of a feed, and whether a value is that. */
import { FEED_FORMATS, type FeedFormat, REFUSAL_CAUSES, type Refusals } from "./feed.ts";

/** The header of a copy. */
export interface CopyHeader {
  readonly name: string;
  readonly url: string;
  readonly configured: { readonly format: string; readonly minimum: number };
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** Milliseconds since 1970. */
  readonly fetchedAt: number;
  readonly format: FeedFormat;
  readonly refused: Refusals;
  /** Prefixes of IPv4 and of IPv6. */
  readonly counts: readonly [number, number];
}

/** Whether a parsed JSON value is a header. */
export function isCopyHeader(value: unknown): value is CopyHeader {
  if (!isRecord(value)) return false;
  const { name, url, configured, etag, lastModified, fetchedAt, format, refused, counts } = value;
  return isText(name) && isText(url) && isTextOrNull(etag) && isTextOrNull(lastModified) &&
    isCount(fetchedAt) && FEED_FORMATS.some((one) => one === format) &&
    isRecord(configured) && isText(configured.format) && isCount(configured.minimum) &&
    isRefusals(refused) &&
    Array.isArray(counts) && counts.length === 2 && counts.every(isCount);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isRefusals(value: unknown): value is Refusals {
  return isRecord(value) &&
    Object.entries(value).every(([cause, count]) =>
      REFUSAL_CAUSES.some((one) => one === cause) && isCount(count)
    );
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= 4_000;
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || isText(value);
}

/** 8.64e15 is the last millisecond that a `Date` can name. */
function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 8.64e15;
}
