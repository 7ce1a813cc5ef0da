/** Threat feeds in one line of `pfw status`. */
import type { FeedState } from "../../intel/feed.ts";
import { formatCount, paint, plural } from "../output.ts";
import { foreignText } from "./foreign_text.ts";

/** Feeds whose trouble is told. */
const NAMED = 2;

/** How many are up to date, what they hold, and what went wrong. */
export function feedsLine(feeds: readonly FeedState[]): string {
  const enabled = feeds.filter((feed) => feed.enabled);
  if (enabled.length === 0) return "none enabled, see pfw threats feeds";
  const good = enabled.filter((feed) => feed.error === null && feed.fetchedAt !== null);
  const entries = enabled.reduce((sum, feed) => sum + feed.entries, 0);
  const fetching = enabled.filter((feed) => feed.status === "fetching").length;
  const head = `${good.length} of ${enabled.length} up to date, ` +
    plural(entries, "entry", "entries") + (fetching > 0 ? `, ${fetching} being fetched` : "");
  const failed = enabled.filter((feed) => feed.error !== null);
  const told = failed.slice(0, NAMED).map(troubleText);
  if (failed.length > NAMED) told.push(`${formatCount(failed.length - NAMED)} more with trouble`);
  return [head, ...told.map((text) => paint("yellow", text))].join("; ");
}

function troubleText({ name, error, fetchedAt }: FeedState): string {
  const kept = fetchedAt === null ? "nothing yet" : "kept the old list";
  return `${foreignText(name, 40)}: ${kept}: ${foreignText(error ?? "", 120)}`;
}
