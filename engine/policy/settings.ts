/** What the configuration says beside the policy, in units to count with. */
import type { FeedSource } from "../../intel/feed.ts";
import type { Config } from "./schema.ts";
import { parseDuration, parseSize } from "./units.ts";

/** What every detector has. */
export interface DetectorSettings {
  readonly enabled: boolean;
  /** Only say what would be banned. */
  readonly isDryRun: boolean;
  /** Ports, half-open connections, hits or connections, as the detector counts them. */
  readonly threshold: number;
  /** Seconds in which a score falls from the threshold to nothing. */
  readonly seconds: number;
}

/** What leads to a ban by itself. Where detection as a whole is off, each detector is. */
export interface DetectionSettings {
  readonly portScan: DetectorSettings;
  readonly synFlood: DetectorSettings;
  readonly blockedHits: DetectorSettings;
  readonly connectionBurst: DetectorSettings & { readonly ports: readonly number[] };
}

/** How long bans last, in seconds. */
export interface BanSettings {
  readonly first: number;
  readonly longest: number;
}

/** The web page. */
export interface DashboardSettings {
  readonly enabled: boolean;
  /** Address and port. */
  readonly listen: string;
  /** PEM files; both empty: without TLS. */
  readonly certificate: string;
  readonly key: string;
  /** Names by which it may be opened, beside addresses. */
  readonly hosts: readonly string[];
}

/** Everything that observers and feeds need from the configuration. */
export interface Settings {
  /** Enabled feeds. */
  readonly threatFeeds: readonly FeedSource[];
  readonly detection: DetectionSettings;
  readonly bans: BanSettings;
  /** Share of allowed packets that are kept, 0 to 1. */
  readonly allowedSample: number;
  /** Seconds that rows are kept. */
  readonly retention: number;
  /** Bytes that the database may take. */
  readonly maxSize: number;
  /** With `keep` the kernel goes on enforcing after an orderly end, as after a crash. */
  readonly onExit: OnExit;
  readonly dashboard: DashboardSettings;
}

/** What becomes of the rules in the kernel when pfw ends in good order. */
export type OnExit = "remove" | "keep";

/** The settings of a checked configuration. */
export function settingsOf(config: Config): Settings {
  const { allowed_sample, retention, max_size } = config.logging;
  return {
    threatFeeds: config.threat_feeds.filter((feed) => feed.enabled).map(feedSource),
    detection: detectionSettings(config.detection),
    bans: {
      first: parsed(parseDuration, config.bans.first),
      longest: parsed(parseDuration, config.bans.longest),
    },
    allowedSample: allowed_sample,
    retention: parsed(parseDuration, retention),
    maxSize: parsed(parseSize, max_size),
    onExit: config.on_exit,
    dashboard: config.dashboard,
  };
}

/** A configured feed, enabled or not. */
export function feedSource(feed: Config["threat_feeds"][number]): FeedSource {
  return {
    name: feed.name,
    url: feed.url,
    format: feed.format,
    interval: parsed(parseDuration, feed.interval),
    headers: feed.headers,
    minimum: feed.minimum,
    allowInsecure: feed.allow_insecure,
  };
}

/** All configured feeds, and which of them are on. */
export function configuredFeeds(config: Config): (FeedSource & { enabled: boolean })[] {
  return config.threat_feeds.map((feed) => ({ ...feedSource(feed), enabled: feed.enabled }));
}

function detectionSettings(detection: Config["detection"]): DetectionSettings {
  const { port_scan, syn_flood, blocked_hits, connection_burst } = detection;
  const common = (
    one: { enabled: boolean; dry_run: boolean; seconds: number },
    threshold: number,
  ): DetectorSettings => ({
    enabled: detection.enabled && one.enabled,
    isDryRun: detection.dry_run || one.dry_run,
    threshold,
    seconds: one.seconds,
  });
  return {
    portScan: common(port_scan, port_scan.ports),
    synFlood: common(syn_flood, syn_flood.half_open),
    blockedHits: common(blocked_hits, blocked_hits.hits),
    connectionBurst: {
      ...common(connection_burst, connection_burst.connections),
      ports: connection_burst.ports,
    },
  };
}

function parsed(read: (text: string) => number | undefined, text: string): number {
  const value = read(text);
  // The schema has refused such a text already.
  if (value === undefined) throw new RangeError(`cannot read ${JSON.stringify(text)}`);
  return value;
}

/** How long rows are kept, and how many bytes they may take. */
export function retentionOf({ retention, maxSize }: Settings) {
  return { seconds: retention, bytes: maxSize };
}
