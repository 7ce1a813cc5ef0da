/** `threats list`: what the enabled feeds list. */
import { parsePrefix } from "../../engine/net/address.ts";
import { ThreatList, type ThreatRow } from "../../intel/threat_list.ts";
import { type CommandContext, usageError } from "../context.ts";
import {
  type Column,
  formatCount,
  paint,
  plural,
  print,
  printable,
  renderTable,
  writeOut,
} from "../output.ts";
import { foreignText } from "./foreign_text.ts";
import { feedNamed } from "./threats_feeds_draft.ts";
import { openThreats, readThreats, type ThreatSource } from "./threats_source.ts";

/** What the command line asks for. */
export interface ThreatListOptions {
  readonly limit: string;
  readonly feed?: string;
}

/** An entry with every feed that lists it, or a part of it. */
interface Threat {
  readonly address: string;
  readonly level: number;
  readonly feeds: readonly string[];
}

/** Prints the worst entries. */
export async function listThreats(
  { paths, json }: CommandContext,
  options: ThreatListOptions,
): Promise<void> {
  const limit = readLimit(options.limit);
  const source = await openThreats(paths);
  const names = source.config.threat_feeds.map(({ name }) => name);
  const feed = options.feed === undefined ? undefined : feedNamed(options.feed, names);
  const all = await readThreats(source);
  const asked = feed === undefined ? all : listOfFeed(source, feed);
  const threats = worst(asked, limit).map(({ address, level }): Threat => {
    const listings = all.listings(parsePrefix(address)!).filter((listing) => listing.isApplied);
    return { address, level, feeds: [...new Set(listings.map((listing) => listing.feed))] };
  });
  const entries = asked.list.size;
  if (json) {
    const text = JSON.stringify({ entries, shown: threats.length, threats }, null, 2);
    return void writeOut(`${text}\n`);
  }
  if (entries === 0) return print(emptyText(source, feed));
  writeOut(`${table(threats)}\n\n${footer(entries, threats.length, source, feed)}\n`);
}

function listOfFeed({ manager, isProtected }: ThreatSource, feed: string): ThreatList {
  return ThreatList.merge(manager.contents().filter(({ name }) => name === feed), isProtected);
}

/** Past any list. */
const ALL = Infinity;

function readLimit(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text) || ALL;
  const why = `--limit ${JSON.stringify(text.slice(0, 60))} is no whole number`;
  throw usageError("wrong usage", why, "write 50, or 0 for all");
}

/**
 * The rows of the highest levels, those of one level by address. Never keeps more than twice as
 * many as are asked for.
 */
function worst(list: ThreatList, limit: number): ThreatRow[] {
  let kept: ThreatRow[] = [];
  const cut = () => kept = kept.toSorted((a, b) => b.level - a.level).slice(0, limit);
  for (const row of list.rows()) {
    kept.push(row);
    if (kept.length >= 2 * limit) cut();
  }
  return cut();
}

const COLUMNS: readonly Column[] = [
  { title: "address" },
  { title: "level", align: "right" },
  { title: "feeds", shrinkTo: 20 },
];

/** Feeds that are named in a row. */
const NAMED = 3;

function table(threats: readonly Threat[]): string {
  return renderTable(
    COLUMNS,
    threats.map(({ address, level, feeds }) => [
      paint("red", address),
      level === 0 ? "-" : String(level),
      foreignText(feeds.slice(0, NAMED).join(", ")) +
      (feeds.length > NAMED ? ` +${feeds.length - NAMED}` : ""),
    ]),
  );
}

function footer(
  entries: number,
  shown: number,
  { mode }: ThreatSource,
  feed: string | undefined,
): string {
  const by = feed === undefined ? "" : ` of ${printable(feed)}`;
  const rest = shown < entries ? `, ${formatCount(shown)} shown (--limit 0 shows all)` : "";
  const count = plural(entries, "entry", "entries") + by + rest;
  return mode === undefined ? paint("yellow", `${count}; pfw is not running`) : count;
}

function emptyText({ manager }: ThreatSource, feed: string | undefined): string {
  const states = manager.states().filter(({ name }) => feed === undefined || name === feed);
  const enabled = states.filter((state) => state.enabled);
  if (enabled.length === 0) {
    const what = feed === undefined ? "No feed is enabled" : `${printable(feed)} is switched off`;
    return `${what}. See the known ones with: pfw threats feeds --verbose`;
  }
  return enabled.some(({ fetchedAt }) => fetchedAt === null)
    ? "Nothing has been fetched yet. Fetch the feeds with: pfw threats update"
    : "The feeds list nothing.";
}
