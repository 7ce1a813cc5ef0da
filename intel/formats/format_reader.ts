/** What reads the text of a feed in one form. */

/** Takes the text in blocks, whatever pieces it came in; throws `FeedError` with the reason. */
export interface FormatReader {
  /** What the feed's records are, in the plural. */
  readonly unit: string;
  /** The next bytes; they are the caller's again afterwards. */
  block(bytes: Uint8Array): void;
  /** The text is over. */
  end(): void;
}

/** What of the settings of a feed its readers need. */
export interface FormatOptions {
  /** With `ipsum`: the smallest count that is taken. With `abuseipdb`: the smallest score. */
  readonly minimum: number;
  /** Milliseconds since 1970: what ends before is expired. */
  readonly now: number;
}
