/** Metrics of threat feeds and bans. */
import type { FeedState } from "../../intel/feed.ts";
import { DETECTORS } from "../../engine/detect/detection.ts";
import { bit, gauges, type Metric, type Sample, secondsOf } from "./metric.ts";
import type { Reading } from "./source.ts";

/** Of each enabled feed the same figure; none where it is not known. */
const perFeed =
  (value: (feed: FeedState, now: number) => number | undefined) => ({ status, now }: Reading) =>
    (status.feeds ?? []).filter(({ enabled }) => enabled).flatMap((feed): Sample<"feed">[] => {
      const found = value(feed, now);
      return found === undefined ? [] : [[{ feed: feed.name }, found]];
    });

/** Of the enabled feeds. */
export const FEED_METRICS: readonly Metric[] = [
  gauges(
    "pfw_feed_entries",
    "Entries of the feed's last good copy that may be applied.",
    ["feed"],
    perFeed(({ entries }) => entries),
  ),
  gauges(
    "pfw_feed_refused_entries",
    "Entries of the feed's last good copy that are not applied, by cause.",
    ["feed", "cause"],
    ({ status }) =>
      (status.feeds ?? []).filter(({ enabled }) => enabled).flatMap(({ name, refused }) =>
        Object.entries(refused).map(([cause, count]) => [{ feed: name, cause }, count] as const)
      ),
  ),
  gauges(
    "pfw_feed_age_seconds",
    "Age of the feed's last good copy. Absent before the first one.",
    ["feed"],
    perFeed(({ fetchedAt }, now) =>
      fetchedAt === null ? undefined : Math.max(0, now / 1000 - secondsOf(fetchedAt))
    ),
  ),
  gauges(
    "pfw_feed_checked_timestamp_seconds",
    "When the feed was last asked for or found unchanged. Absent before the first time.",
    ["feed"],
    perFeed(({ checkedAt }) => checkedAt === null ? undefined : secondsOf(checkedAt)),
  ),
  gauges(
    "pfw_feed_interval_seconds",
    "Time between two fetches of the feed.",
    ["feed"],
    perFeed(({ interval }) => interval),
  ),
  gauges(
    "pfw_feed_failing",
    "1 when the last attempt to fetch the feed failed; its last good copy stays in force.",
    ["feed"],
    perFeed(({ error }) => bit(error !== null)),
  ),
];

/** Of bans. */
export const BAN_METRICS: readonly Metric[] = [
  gauges("pfw_bans", "Bans in force, by what led to them.", ["cause"], ({ bans }) => {
    const causes = [...DETECTORS, "manual"] as const;
    const sums = new Map<string, number>(causes.map((cause) => [cause, 0]));
    for (const { cause } of bans) sums.set(cause, (sums.get(cause) ?? 0) + 1);
    return [...sums].map(([cause, sum]) => [{ cause }, sum] as const);
  }),
];
