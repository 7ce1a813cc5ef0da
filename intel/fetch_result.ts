/** What comes of a fetch. */
import { type FeedContent, FeedError } from "./feed.ts";

/** What an earlier answer said of itself (RFC 9110, section 8.8). */
export interface Validators {
  readonly etag: string | null;
  readonly lastModified: string | null;
}

/** What came of it. */
export type FetchResult =
  | { readonly kind: "unchanged" }
  | {
    readonly kind: "content";
    readonly content: FeedContent;
    /** Bytes of the text, decompressed. */
    readonly bytes: number;
    /** Where it came from in the end, without query. */
    readonly finalUrl: string;
  } & Validators;

/** The publisher wants to be left alone for a while. */
export class AskedToWait extends FeedError {
  constructor(message: string, readonly seconds: number) {
    super(message);
  }
}
