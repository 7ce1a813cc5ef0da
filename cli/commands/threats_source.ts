/** The feeds as they lie on disk: what the running pfw uses, or what the next one will. */
import { join } from "node:path";
import { FeedManager } from "../../intel/feed_manager.ts";
import { ThreatList } from "../../intel/threat_list.ts";
import type { Mode } from "../../engine/control/status.ts";
import { findLifelines, protectedAddresses } from "../../engine/net/lifelines.ts";
import type { PrefixList } from "../../engine/net/prefix_list.ts";
import type { Paths } from "../../engine/paths.ts";
import { loadConfig } from "../../engine/policy/config_file.ts";
import type { Config } from "../../engine/policy/schema.ts";
import { feedSource } from "../../engine/policy/settings.ts";
import { askLifelines } from "./apply_edit.ts";

/** What commands about threats look at. */
export interface ThreatSource {
  readonly config: Config;
  /** Where the copies of the feeds are. */
  readonly cacheDir: string;
  /** Configured; its copies are read by `load`. */
  readonly manager: FeedManager;
  /** Of the pfw that runs; `undefined` where none does. */
  readonly mode: Mode | undefined;
  /** What no feed may touch. */
  readonly isProtected: PrefixList;
}

/** Opens the feeds of the running pfw, which may use other files than this command would. */
export async function openThreats(paths: Paths): Promise<ThreatSource> {
  const running = await askLifelines(paths);
  const { config } = await loadConfig(running?.config ?? paths.config);
  const cacheDir = join(running?.dataDir ?? paths.dataDir, "feeds");
  return {
    config,
    cacheDir,
    manager: feedManagerOf(config, cacheDir),
    mode: running?.mode,
    isProtected: protectedAddresses(running ?? findLifelines()),
  };
}

/** The configured feeds, whose copies are yet to be loaded. */
export function feedManagerOf(config: Config, cacheDir: string): FeedManager {
  // What a fetch says of a feed stands in its state, which the commands show.
  const manager = new FeedManager({ cacheDir, log: () => {}, onChange: () => Promise.resolve() });
  manager.configure(
    config.threat_feeds.map((feed) => ({ ...feedSource(feed), enabled: feed.enabled })),
  );
  return manager;
}

/** Reads the copies and merges them. */
export async function readThreats({ manager, isProtected }: ThreatSource): Promise<ThreatList> {
  await manager.load();
  const merged = ThreatList.merge(manager.contents(), isProtected);
  manager.setRefusedProtected(merged.refusedProtected);
  return merged;
}
