/** The feeds as they lie on disk: what the running pfw uses, or what the next one will. */
import type { FeedManager } from "../../intel/feed_manager.ts";
import { ThreatList } from "../../intel/threat_list.ts";
import { feedManagerOf } from "../../engine/control/standing_feeds.ts";
import type { Mode } from "../../engine/control/status.ts";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import { findLifelines, protectedAddresses } from "../../engine/net/lifelines.ts";
import type { PrefixList } from "../../engine/net/prefix_list.ts";
import { feedCacheOf, type Paths } from "../../engine/paths.ts";
import { loadConfig } from "../../engine/policy/config_file.ts";
import type { Config } from "../../engine/policy/schema.ts";
import { warn } from "../output.ts";
import { askLifelines } from "./apply_edit.ts";

/** What commands about threats look at. */
export interface ThreatSource {
  readonly config: Config;
  /** Where the copies of the feeds are. */
  readonly cacheDir: string;
  /** Configured; its copies are yet to be loaded. */
  readonly manager: FeedManager;
  /** Of the pfw that runs; `undefined` where none does. */
  readonly mode: Mode | undefined;
  /** What no feed may touch. */
  readonly isProtected: PrefixList;
  /** What the manager has to say of copies that it cannot use. */
  readonly problems: readonly string[];
}

/** Opens the feeds of the running pfw, which may use other files than this command would. */
export async function openThreats(paths: Paths): Promise<ThreatSource> {
  const running = await askLifelines(paths);
  const { config } = await loadConfig({
    config: running?.config ?? paths.config,
    lock: paths.lock,
  });
  const cacheDir = feedCacheOf(running?.dataDir ?? paths.dataDir);
  const problems: string[] = [];
  return {
    config,
    cacheDir,
    manager: feedManagerOf(config, cacheDir, (text) => problems.push(text)),
    problems,
    mode: running?.mode,
    isProtected: protectedAddresses(running ?? findLifelines()),
  };
}

/**
 * Reads the copies and merges them; warns of those that cannot be used.
 *
 * @throws PfwError (exit 4) where this user may not read them: "not listed" would be a lie
 */
export async function readThreats(source: ThreatSource): Promise<ThreatList> {
  requireReadable(source.cacheDir);
  const { manager, isProtected } = source;
  await manager.load();
  source.problems.forEach(warn);
  const merged = ThreatList.merge(manager.contents(), isProtected);
  manager.setRefusedProtected(merged.refusedProtected);
  return merged;
}

function requireReadable(directory: string): void {
  try {
    Deno.readDirSync(directory).next();
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) return;
    const next = "run it as the user that started pfw (sudo)";
    const what = `cannot read the feeds in ${directory}`;
    throw new PfwError(what, "permission denied", next, ExitCode.missing, { cause: error });
  }
}
