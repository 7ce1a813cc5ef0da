/** The configured feeds as they lie on disk, for whoever is not the running pfw. */
import { FeedManager } from "../../intel/feed_manager.ts";
import type { Config } from "../policy/schema.ts";
import { configuredFeeds } from "../policy/settings.ts";

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
  manager.configure(configuredFeeds(config));
  return manager;
}
