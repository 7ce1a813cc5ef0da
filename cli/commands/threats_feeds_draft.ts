/** Changes to the feeds that a configuration names. */
import { FEED_CATALOGUE } from "../../intel/feed_catalogue.ts";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import type { ConfigDraft } from "../../engine/policy/schema.ts";
import { suggest } from "../../engine/policy/suggest.ts";
import { quote } from "../../engine/policy/field_problems.ts";

/** A feed as the file has it. */
export type FeedDraft = NonNullable<ConfigDraft["threat_feeds"]>[number];

/** What a change did. */
export interface FeedEdit {
  /** The feeds that were changed. */
  readonly feeds: readonly FeedDraft[];
  /** Names of those that were so already. */
  readonly unchanged: readonly string[];
}

/**
 * The name among `names` that is meant: as written, or in other letters.
 *
 * @throws PfwError (exit 2) with the nearest one where none is
 */
export function feedNamed(wanted: string, names: readonly string[]): string {
  const found = findName(wanted, names);
  if (found !== undefined) return found;
  const nearest = suggest(wanted, names) ?? findPart(wanted, names);
  const why = nearest !== undefined
    ? `did you mean ${quote(nearest)}?`
    : names.length === 0
    ? "none is configured"
    : `there are ${listed(names)}`;
  const next = "see pfw threats feeds --verbose";
  throw new PfwError(`there is no feed ${quote(wanted)}`, why, next, ExitCode.usage);
}

const LISTED = 12;

function listed(names: readonly string[]): string {
  const more = names.length > LISTED ? ", …" : "";
  return names.slice(0, LISTED).join(", ") + more;
}

function findName(wanted: string, names: readonly string[]): string | undefined {
  const folded = wanted.toLowerCase();
  return names.find((name) => name === wanted) ??
    names.find((name) => name.toLowerCase() === folded);
}

/** `tor` for `Tor exits`. */
function findPart(wanted: string, names: readonly string[]): string | undefined {
  const folded = wanted.trim().toLowerCase();
  return folded === "" ? undefined : names.find((name) => name.toLowerCase().includes(folded));
}

/** Switches feeds on; a known one that is not configured is taken from the catalogue. */
export function enableFeedsIn(draft: ConfigDraft, names: readonly string[]): FeedEdit {
  const configured = [...draft.threat_feeds ?? []];
  const feeds: FeedDraft[] = [], unchanged: string[] = [];
  for (const wanted of new Set(names)) {
    const name = feedNamed(wanted, knownNames(configured));
    const at = configured.findIndex((feed) => feed.name === name);
    if (at >= 0 && configured[at].enabled !== false) {
      unchanged.push(name);
      continue;
    }
    const feed = at >= 0 ? { ...configured[at], enabled: true } : fromCatalogue(name);
    if (at >= 0) configured[at] = feed;
    else configured.push(feed);
    feeds.push(feed);
  }
  if (feeds.length > 0) draft.threat_feeds = configured;
  return { feeds, unchanged };
}

/** Names of all feeds; one that is configured hides the known one of the same name. */
function knownNames(configured: readonly FeedDraft[]): string[] {
  const names = configured.map(({ name }) => name);
  const others = FEED_CATALOGUE.map(({ name }) => name)
    .filter((name) => findName(name, names) === undefined);
  return [...names, ...others];
}

function fromCatalogue(name: string): FeedDraft {
  const { url, format, interval, headers, minimum } = FEED_CATALOGUE.find((feed) =>
    feed.name === name
  )!;
  return { name, url, format, interval, enabled: true, headers, minimum };
}

/** Switches feeds off. */
export function disableFeedsIn(draft: ConfigDraft, names: readonly string[]): FeedEdit {
  const configured = [...draft.threat_feeds ?? []];
  const feeds: FeedDraft[] = [], unchanged: string[] = [];
  for (const wanted of new Set(names)) {
    const name = feedNamed(wanted, knownNames(configured));
    const at = configured.findIndex((feed) => feed.name === name);
    if (at < 0 || configured[at].enabled === false) {
      unchanged.push(name);
      continue;
    }
    feeds.push(configured[at] = { ...configured[at], enabled: false });
  }
  if (feeds.length > 0) draft.threat_feeds = configured;
  return { feeds, unchanged };
}

/** Adds a feed at the end. @throws PfwError (exit 1) where its name is taken */
export function addFeedTo(draft: ConfigDraft, feed: FeedDraft): FeedEdit {
  const configured = draft.threat_feeds ?? [];
  const taken = findName(feed.name, configured.map(({ name }) => name));
  if (taken !== undefined) {
    throw new PfwError(
      "cannot add the feed",
      `there is one named ${quote(taken)} already`,
      "choose another name, or remove that one first",
    );
  }
  draft.threat_feeds = [...configured, feed];
  return { feeds: [feed], unchanged: [] };
}

/** Takes feeds out. */
export function removeFeedsFrom(draft: ConfigDraft, names: readonly string[]): FeedEdit {
  const configured = draft.threat_feeds ?? [];
  const known = configured.map(({ name }) => name);
  const wanted = new Set(names.map((name) => feedNamed(name, known)));
  draft.threat_feeds = configured.filter(({ name }) => !wanted.has(name));
  return { feeds: configured.filter(({ name }) => wanted.has(name)), unchanged: [] };
}
