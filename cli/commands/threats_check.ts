/** `threats check`: every feed that lists an address, and whether it is blocked for that. */
import { formatPrefix, parsePrefix, type Prefix } from "../../engine/net/address.ts";
import { covers, PrefixList } from "../../engine/net/prefix_list.ts";
import type { ThreatsAnswer } from "../../engine/control/intel_control.ts";
import { overlaps } from "../../engine/policy/edit_lists.ts";
import { addressProblem } from "../../engine/policy/field_problems.ts";
import type { Listing, ThreatList } from "../../intel/threat_list.ts";
import { type CommandContext, usageError } from "../context.ts";
import { type Column, paint, plural, print, printJson, renderTable } from "../output.ts";
import { askRunning } from "./ask_running.ts";
import { foreignText } from "./foreign_text.ts";
import { openThreats, readThreats } from "./threats_source.ts";

/** Addresses that are looked up at once. */
const MOST = 1_000;

/** What is known of the feeds as a whole. */
interface Around {
  readonly whitelist: PrefixList;
  /** `undefined` where no pfw runs, or one that has no feeds. */
  readonly running: ThreatsAnswer | undefined;
  readonly feeds: number;
  /** Enabled feeds without a copy. */
  readonly missing: readonly string[];
}

/** What is known of one address. */
interface Checked {
  readonly address: string;
  readonly listings: readonly Listing[];
  /** All of it is whitelisted. */
  readonly whitelisted: boolean;
  /** The entry of the whitelist that it shares addresses with. */
  readonly whitelistEntry: string | undefined;
  /** Some feed's entry is applied, as far as the feeds go. */
  readonly isApplied: boolean;
  readonly inForce: boolean;
}

/** Looks addresses up. */
export async function checkThreats(
  { paths, json }: CommandContext,
  given: readonly string[],
): Promise<void> {
  const prefixes = readPrefixes(given);
  const source = await openThreats(paths);
  const threats = await readThreats(source);
  const states = source.manager.states().filter((state) => state.enabled);
  const around: Around = {
    whitelist: PrefixList.parse(source.config.whitelist_ips),
    running: await askRunning<ThreatsAnswer>(paths, "GET", "/threats"),
    feeds: states.length,
    missing: states.filter(({ fetchedAt }) => fetchedAt === null).map(({ name }) => name),
  };
  const checked = prefixes.map((prefix) => check(prefix, threats, around));
  if (json) {
    const documents = checked.map((one) => documentOf(one, around));
    return printJson(documents.length === 1 ? documents[0] : documents);
  }
  print(checked.map((one) => describe(one, around)).join("\n\n"));
}

function readPrefixes(given: readonly string[]): Prefix[] {
  const words = given.flatMap((word) => word.split(",")).filter((word) => word !== "");
  const problems = words.map(addressProblem).filter((problem) => problem !== undefined);
  if (problems.length > 0) throw usageError("wrong usage", problems.slice(0, 3).join(", "));
  if (words.length === 0) throw usageError("wrong usage", "no address is given");
  if (words.length > MOST) throw usageError("wrong usage", `more than ${MOST} addresses`);
  return words.map((word) => parsePrefix(word)!);
}

function check(prefix: Prefix, threats: ThreatList, { whitelist, running }: Around): Checked {
  const address = formatPrefix(prefix);
  const listings = threats.listings(prefix);
  const [overlap] = overlaps([address], whitelist);
  const entry = overlap && parsePrefix(overlap.entry);
  const whitelisted = entry !== undefined && covers(entry, prefix);
  const isApplied = listings.some((listing) => listing.isApplied);
  const isEnforced = running?.mode === "enforce" && running.fault === null;
  return {
    address,
    listings,
    whitelisted,
    whitelistEntry: overlap?.entry,
    isApplied,
    inForce: isApplied && isEnforced && !whitelisted,
  };
}

function documentOf(
  { address, listings, whitelisted, isApplied, inForce }: Checked,
  around: Around,
) {
  return {
    address,
    listed: listings.length > 0,
    feeds: listings.map(({ feed, entry, level }) => ({ feed, entry, level })),
    whitelisted,
    protected: listings.length > 0 && !isApplied,
    running: around.running !== undefined,
    inForce,
  };
}

const COLUMNS: readonly Column[] = [
  { title: "feed", shrinkTo: 12 },
  { title: "entry" },
  { title: "level", align: "right" },
];

function describe(checked: Checked, around: Around): string {
  const { address, listings } = checked;
  if (listings.length === 0) return `${paint("green", address)} ${unlistedText(around)}`;
  const feeds = new Set(listings.map(({ feed }) => feed)).size;
  const rows = listings.map(({ feed, entry, level, isApplied }) => [
    foreignText(feed, 60),
    isApplied ? entry : paint("yellow", `${entry} (not applied)`),
    level === 0 ? "-" : String(level),
  ]);
  const head = `${paint("red", address)} is listed by ${plural(feeds, "feed")}`;
  return [head, renderTable(COLUMNS, rows), outcomeText(checked, around)].join("\n");
}

function unlistedText({ feeds, missing }: Around): string {
  if (feeds === 0) return "is not listed: no feed is enabled (pfw threats feeds)";
  const note = missing.length === 0
    ? ""
    : paint("yellow", ` (not fetched yet: ${foreignText(missing.join(", "))})`);
  return (feeds === 1 ? "is not listed by the one feed" : `is listed by none of ${feeds} feeds`) +
    note;
}

/** Whether it is blocked, and why not. */
function outcomeText(checked: Checked, { running }: Around): string {
  const { whitelisted, whitelistEntry, isApplied, inForce } = checked;
  if (whitelisted) {
    return paint("green", `not blocked: whitelisted (${whitelistEntry}), the whitelist wins`);
  }
  if (!isApplied) {
    const what = "its own address, gateway, name server or SSH peer";
    return paint("yellow", `not blocked: this machine depends on it (${what})`);
  }
  const part = whitelistEntry === undefined ? "" : `, but for ${whitelistEntry} (whitelisted)`;
  if (inForce) return paint("red", `blocked: in force in the kernel${part}`);
  if (!running) return paint("yellow", `not blocked: pfw is not running${part}`);
  if (running.fault !== null) {
    const fault = foreignText(running.fault);
    return paint("yellow", `perhaps not blocked: the kernel lacks the newest lists: ${fault}`);
  }
  return paint("yellow", `not blocked: pfw only observes${part}`);
}
