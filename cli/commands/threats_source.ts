/** The feeds as they lie on disk: what the running pfw uses, or what the next one will. */
import { join } from "node:path";
import { FeedManager } from "../../intel/feed_manager.ts";
import { ThreatList } from "../../intel/threat_list.ts";
import type { Mode } from "../../engine/control/status.ts";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import { findLifelines, protectedAddresses } from "../../engine/net/lifelines.ts";
import type { PrefixList } from "../../engine/net/prefix_list.ts";
import type { Paths } from "../../engine/paths.ts";
import { loadConfig } from "../../engine/policy/config_file.ts";
import type { Config } from "../../engine/policy/schema.ts";
import { feedSource } from "../../engine/policy/settings.ts";
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
  const { config } = await loadConfig(running?.config ?? paths.config);
  const cacheDir = join(running?.dataDir ?? paths.dataDir, "feeds");
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
 * The configured feeds, whose copies are yet to be loaded.
 *
 * @param onProblem told of copies that cannot be used; how a fetch went stands in the states, too
 */
export function feedManagerOf(
  config: Config,
  cacheDir: string,
  onProblem: (text: string) => void = () => {},
): FeedManager {
  const manager = new FeedManager({
    cacheDir,
    log: (level, text) => {
      if (level === "warn") onProblem(text);
    },
    onChange: () => Promise.resolve(),
  });
  manager.configure(
    config.threat_feeds.map((feed) => ({ ...feedSource(feed), enabled: feed.enabled })),
  );
  return manager;
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
