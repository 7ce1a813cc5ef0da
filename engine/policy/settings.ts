/** What the configuration says beside the policy, in units to count with. */
import type { Config } from "./schema.ts";
import { parseDuration, parseSize } from "./units.ts";

/** A threat feed to fetch. */
export interface FeedSettings {
  readonly name: string;
  readonly url: string;
  /** `auto`, or the name of a form. */
  readonly format: string;
  /** Seconds between two fetches. */
  readonly interval: number;
}

/** Everything that observers and feeds need from the configuration. */
export interface Settings {
  /** Enabled feeds. */
  readonly threatFeeds: readonly FeedSettings[];
  /** Share of allowed packets that are kept, 0 to 1. */
  readonly allowedSample: number;
  /** Seconds that rows are kept. */
  readonly retention: number;
  /** Bytes that the database may take. */
  readonly maxSize: number;
  /** With `keep` the kernel goes on enforcing after an orderly end, as after a crash. */
  readonly onExit: OnExit;
}

/** What becomes of the rules in the kernel when pfw ends in good order. */
export type OnExit = "remove" | "keep";

/** The settings of a checked configuration. */
export function settingsOf(config: Config): Settings {
  const { allowed_sample, retention, max_size } = config.logging;
  return {
    threatFeeds: config.threat_feeds.filter((feed) => feed.enabled)
      .map(({ name, url, format, interval }) => ({
        name,
        url,
        format,
        interval: parsed(parseDuration, interval),
      })),
    allowedSample: allowed_sample,
    retention: parsed(parseDuration, retention),
    maxSize: parsed(parseSize, max_size),
    onExit: config.on_exit,
  };
}

function parsed(read: (text: string) => number | undefined, text: string): number {
  const value = read(text);
  // The schema has refused such a text already.
  if (value === undefined) throw new RangeError(`cannot read ${JSON.stringify(text)}`);
  return value;
}
