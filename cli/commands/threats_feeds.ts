/** `threats feeds`: how each feed is, and which others are known. */
import { FEED_CATALOGUE, type KnownFeed } from "../../intel/feed_catalogue.ts";
import { type FeedState, REFUSAL_CAUSES } from "../../intel/feed.ts";
import { shownUrl } from "../../intel/feed_url.ts";
import type { ThreatsAnswer } from "../../engine/control/intel_control.ts";
import type { CommandContext } from "../context.ts";
import {
  type Column,
  formatCount,
  formatSeconds,
  paint,
  plural,
  print,
  printJson,
  renderTable,
} from "../output.ts";
import { askRunning } from "./ask_running.ts";
import { foreignText } from "./foreign_text.ts";
import { openThreats, readThreats } from "./threats_source.ts";

/** Prints the feeds: as the running pfw has them, else as their copies on disk tell. */
export async function listFeeds({ paths, json }: CommandContext, verbose: boolean): Promise<void> {
  const answer = await askRunning<ThreatsAnswer>(paths, "GET", "/threats");
  const feeds = answer?.feeds ?? await storedFeeds(paths);
  const names = new Set(feeds.map(({ name }) => name.toLowerCase()));
  const known = FEED_CATALOGUE.filter(({ name }) => !names.has(name.toLowerCase()));
  if (json) {
    const { entries = null, updating = false, fault = null } = answer ?? {};
    return printJson({ running: answer !== undefined, entries, updating, fault, feeds, known });
  }
  const now = Date.now();
  const parts = [feeds.length === 0 ? "No feed is configured." : table(feeds, now)];
  if (verbose) parts.push(...feeds.map(details), knownText(known));
  parts.push(footer(answer, known.length, verbose));
  print(parts.join("\n\n"));
}

async function storedFeeds(paths: CommandContext["paths"]): Promise<readonly FeedState[]> {
  const source = await openThreats(paths);
  await readThreats(source);
  return source.manager.states();
}

const COLUMNS: readonly Column[] = [
  { title: "feed", shrinkTo: 12 },
  { title: "on" },
  { title: "entries", align: "right" },
  { title: "refused", align: "right", omit: "0" },
  { title: "fetched" },
  { title: "next", omit: "-" },
  { title: "state", shrinkTo: 16 },
];

const KNOWN_COLUMNS: readonly Column[] = [
  { title: "known, and off" },
  { title: "key", omit: "" },
  { title: "what it lists", shrinkTo: 20 },
];

function table(feeds: readonly FeedState[], now: number): string {
  return renderTable(
    COLUMNS,
    feeds.map((feed) => [
      foreignText(feed.name, 32),
      feed.enabled ? paint("green", "on") : paint("gray", "off"),
      formatCount(feed.entries),
      formatCount(refusedBy(feed)),
      feed.fetchedAt === null ? "never" : `${span(feed.fetchedAt, now, -1)} ago`,
      feed.nextAt === null ? "-" : `in ${span(feed.nextAt, now, 1)}`,
      stateText(feed),
    ]),
  );
}

function refusedBy({ refused }: FeedState): number {
  return Object.values(refused).reduce((sum, count) => sum + count, 0);
}

/** The time between now and then. */
function span(iso: string, now: number, sign: 1 | -1): string {
  const seconds = sign * (Date.parse(iso) - now) / 1000;
  return Number.isNaN(seconds) ? "?" : formatSeconds(Math.max(0, seconds));
}

function stateText({ status, error, receivedBytes }: FeedState): string {
  const trouble = error === null ? "" : `: ${foreignText(error, 100)}`;
  switch (status) {
    case "ok":
      return paint("green", "up to date");
    case "fetching":
      return `fetching, ${formatCount(receivedBytes)} bytes`;
    case "kept":
      return paint("yellow", `kept the old list${trouble}`);
    case "never":
      return paint("yellow", `nothing yet${trouble}`);
    case "disabled":
      return paint("gray", "off");
  }
}

/** What the table has no room for. */
function details(feed: FeedState): string {
  const form = feed.foundFormat !== null && feed.foundFormat !== feed.format
    ? `${feed.format}, found ${feed.foundFormat}`
    : feed.format;
  const refused = REFUSAL_CAUSES.filter((cause) => (feed.refused[cause] ?? 0) > 0)
    .map((cause) => `${cause.replace(/_/g, " ")} ${formatCount(feed.refused[cause] ?? 0)}`);
  const facts: [string, string][] = [
    ["from", foreignText(shownUrl(feed.url))],
    ["form", form],
    ["every", formatSeconds(feed.interval)],
    ["checked", feed.checkedAt === null ? "never" : new Date(feed.checkedAt).toLocaleString("sv")],
    ["refused", refused.join(", ") || "none"],
    ...(feed.error === null ? [] : [["error", foreignText(feed.error)] as [string, string]]),
  ];
  const lines = facts.map(([name, value]) => `  ${paint("gray", name.padEnd(7))}  ${value}`);
  return [paint("bold", foreignText(feed.name)), ...lines].join("\n");
}

function knownText(known: readonly KnownFeed[]): string {
  if (known.length === 0) return "All known feeds are configured.";
  return renderTable(
    KNOWN_COLUMNS,
    known.map(({ name, description, headers }) => [
      paint("gray", name),
      headers === undefined ? "" : paint("yellow", "needed"),
      description,
    ]),
  );
}

function footer(answer: ThreatsAnswer | undefined, known: number, verbose: boolean): string {
  const lines: string[] = [];
  if (!answer) lines.push(paint("yellow", "pfw is not running: this is what it has on disk"));
  else if (answer.fault !== null) {
    const fault = foreignText(answer.fault);
    lines.push(paint("red", `The kernel does not have the newest lists: ${fault}`));
  } else {
    const where = answer.mode === "enforce" ? "in the kernel" : "known; pfw only observes";
    lines.push(paint("green", `${plural(answer.entries, "entry", "entries")} ${where}`));
  }
  if (known > 0 && !verbose) {
    lines.push(`${plural(known, "more feed")} known: pfw threats feeds --verbose`);
  }
  if (known > 0 && verbose) lines.push('Switch one on with: pfw threats feeds enable "name"');
  return lines.join("\n");
}
