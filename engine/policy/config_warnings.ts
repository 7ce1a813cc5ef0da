/** What a valid configuration asks for in vain: no reason not to start, and worth being told. */
import { FeedError } from "../../intel/feed.ts";
import { feedUrl, filePath } from "../../intel/feed_url.ts";
import { systemReason } from "../errors.ts";
import type { Config } from "./schema.ts";
import { parseDuration } from "./units.ts";

/** One line each, with the path of what it is about. */
export function configWarnings(config: Config): string[] {
  return [...feedWarnings(config), ...dashboardWarnings(config), ...banWarnings(config)];
}

function feedWarnings({ threat_feeds }: Config): string[] {
  return threat_feeds.flatMap(({ name, url, enabled, allow_insecure }, at) => {
    if (!enabled) return [];
    try {
      const address = feedUrl(url, allow_insecure);
      if (address.protocol === "file:") filePath(address);
      return [];
    } catch (error) {
      if (!(error instanceof FeedError)) throw error;
      return [`threat_feeds[${at}].url: "${name}" will never be fetched: ${error.message}`];
    }
  });
}

function dashboardWarnings({ dashboard }: Config): string[] {
  if (!dashboard.enabled) return [];
  const { certificate, key } = dashboard;
  if (!certificate !== !key) {
    const missing = certificate ? "key" : "certificate";
    return [`dashboard.${missing}: one without the other is no TLS: give both or neither`];
  }
  return Object.entries({ certificate, key }).flatMap(([name, path]) => {
    const problem = path ? unreadable(path) : undefined;
    return problem === undefined ? [] : [`dashboard.${name}: ${problem}`];
  });
}

function unreadable(path: string): string | undefined {
  try {
    Deno.openSync(path).close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no file ${path}`;
    // Who checks may not be who starts.
    return error instanceof Deno.errors.PermissionDenied ? undefined : systemReason(error);
  }
}

function banWarnings({ bans: { first, longest } }: Config): string[] {
  const isShorter = parseDuration(longest)! < parseDuration(first)!;
  if (!isShorter) return [];
  return [`bans.first: ${first} is longer than bans.longest: no ban lasts longer than ${longest}`];
}
