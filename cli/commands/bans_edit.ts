/** `bans add` and `bans remove`. */
import type { BanView } from "../../engine/bans/ban.ts";
import {
  type BanRequest,
  type BansAnswer,
  MOST_ADDRESSES,
  type UnbanRequest,
} from "../../engine/control/intel_control.ts";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import type { Paths } from "../../engine/paths.ts";
import { formatPrefix } from "../../engine/net/address.ts";
import { findOwnSession } from "../../engine/net/lifelines.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { overlaps } from "../../engine/policy/edit_lists.ts";
import { nameProblem } from "../../engine/policy/field_problems.ts";
import { canonicalPrefix } from "../../engine/policy/rule_id.ts";
import { parseDuration } from "../../engine/policy/units.ts";
import { type CommandContext, usageError } from "../context.ts";
import { formatSeconds, paint, plural, print, printJson, warn } from "../output.ts";
import { readAddresses } from "./address_input.ts";
import { askRunning } from "./ask_running.ts";
import { foreignText } from "./foreign_text.ts";

/** At most so many addresses are named one by one. */
const NAMED = 5;

/** What the command line says of a new ban. */
export interface AddOptions {
  readonly for: string;
  readonly reason: string;
  readonly force?: boolean;
}

/** `bans add`. */
export async function addBans(
  context: CommandContext,
  given: readonly string[],
  options: AddOptions,
): Promise<void> {
  const seconds = parseDuration(options.for);
  if (seconds === undefined) {
    const why = `--for ${JSON.stringify(options.for.slice(0, 60))} is no duration`;
    throw usageError("wrong usage", why, "write 30s, 10m, 1h or 7d (at most 3650d)");
  }
  const problem = nameProblem(options.reason);
  if (problem !== undefined) throw usageError("wrong usage", `--reason ${problem}`);
  const addresses = await readSome(given);
  const session = findOwnSession();
  const request: BanRequest = {
    addresses,
    seconds,
    reason: options.reason,
    force: options.force === true,
    session: session && formatPrefix(session.peer),
  };
  const changed = await change(context.paths, "/bans", request);
  if (context.json) printJson({ action: "add", bans: changed.bans, ...outcome(changed) });
  else print(`${addedText(changed.bans, seconds)}: ${whereText(changed)}`);
  await warnOfStanding(context.paths, changed);
}

function addedText(bans: readonly BanView[], seconds: number): string {
  const names = namesOf(bans.map(({ address }) => address));
  return `banned ${names} for ${
    seconds < 600 ? plural(seconds, "second") : formatSeconds(seconds)
  }`;
}

/** `bans remove`. */
export async function removeBans(
  context: CommandContext,
  given: readonly string[],
  all: boolean,
): Promise<void> {
  if (all && given.length > 0) {
    throw usageError("wrong usage", "--all leaves no address to name", "nothing was changed");
  }
  if (!all && given.length === 0) {
    throw usageError("wrong usage", "no address is given", "name some, or say --all");
  }
  const addresses = all ? await allBanned(context.paths) : await readSome(given);
  const changed = await removeInParts(context.paths, addresses);
  const removed = changed.bans.map(({ address }) => address);
  // What was there a moment ago and ended by itself is no mistake of whoever said --all.
  const unknown = all ? [] : changed.unknown ?? [];
  if (context.json) {
    printJson({ action: "remove", removed, unknown, ...outcome(changed) });
  } else if (removed.length > 0) {
    print(`unbanned ${namesOf(removed)}: ${whereText(changed)}`);
  } else if (all) {
    print("nobody is banned");
  }
  if (removed.length > 0) await warnOfStanding(context.paths, changed);
  if (unknown.length > 0) throw await notBanned(context.paths, unknown, removed.length);
}

/** What is for the next start changes nothing of what a pfw that is gone left in force. */
async function warnOfStanding(paths: Paths, { running }: Changed): Promise<void> {
  if (running) return;
  const { standing } = await import("./standing_rules.ts");
  const { text } = await standing(paths, false);
  if (text !== undefined) warn(text);
}

async function notBanned(
  paths: Paths,
  unknown: readonly string[],
  removed: number,
): Promise<PfwError> {
  const banned = PrefixList.parse(await allBanned(paths));
  const [overlap] = overlaps(unknown.map(canonicalPrefix), banned);
  const hint = overlap ? ` (${overlap.address} lies in or around ${overlap.entry})` : "";
  return new PfwError(
    `cannot unban ${namesOf(unknown)}`,
    `not banned${hint}`,
    removed > 0 ? "the others are free now" : "see pfw bans list",
    ExitCode.failed,
  );
}

/** The addresses among the arguments, at least one and not too many for one request. */
async function readSome(given: readonly string[]): Promise<readonly string[]> {
  const { addresses, bad } = await readAddresses(given);
  if (bad.length > 0) {
    const [{ line, problem }] = bad;
    const more = bad.length > 1 ? `, and ${plural(bad.length - 1, "more line")}` : "";
    throw usageError("nothing was changed", `line ${line}: ${problem}${more}`, "mend it");
  }
  const distinct = [...new Set(addresses.map(canonicalPrefix))];
  if (distinct.length === 0) throw usageError("nothing was changed", "no address is given");
  if (distinct.length <= MOST_ADDRESSES) return distinct;
  const why = `${plural(distinct.length, "address", "addresses")} are more than ${MOST_ADDRESSES}`;
  throw usageError("nothing was changed", why, "the blacklist takes as many: pfw blacklist add -");
}

/** A change that was made. */
interface Changed extends BansAnswer {
  readonly running: boolean;
  /** Until it was made. */
  readonly milliseconds: number;
}

/** Has the running pfw make a change; where none runs, makes it in the database. */
async function change(
  paths: Paths,
  path: "/bans" | "/bans/remove",
  request: BanRequest | UnbanRequest,
): Promise<Changed> {
  const started = performance.now();
  const answer = await askRunning<BansAnswer>(paths, "POST", path, request);
  const milliseconds = performance.now() - started;
  if (answer) return { ...answer, running: true, milliseconds };
  const { addStoredBans, removeStoredBans } = await import("./bans_stored.ts");
  const changed = "seconds" in request
    ? await addStoredBans(paths, request)
    : await removeStoredBans(paths, request);
  return { ...changed, running: false, milliseconds };
}

async function removeInParts(paths: Paths, addresses: readonly string[]): Promise<Changed> {
  const bans: BanView[] = [], unknown: string[] = [];
  let whole: Changed = { bans, running: false, milliseconds: 0 };
  for (let at = 0; at < addresses.length; at += MOST_ADDRESSES) {
    const part = addresses.slice(at, at + MOST_ADDRESSES);
    const changed = await change(paths, "/bans/remove", { addresses: part });
    bans.push(...changed.bans);
    unknown.push(...changed.unknown ?? []);
    whole = { ...changed, milliseconds: whole.milliseconds + changed.milliseconds };
  }
  return { ...whole, bans, unknown };
}

async function allBanned(paths: Paths): Promise<string[]> {
  const { currentBans } = await import("./bans_list.ts");
  return (await currentBans(paths)).bans.map(({ address }) => address);
}

function outcome({ bans, running, mode, milliseconds }: Changed) {
  const inKernel = running && mode === "enforce" && bans.length > 0;
  const time = inKernel ? { milliseconds: Number(milliseconds.toFixed(1)) } : {};
  return { changed: bans.length > 0, running, inKernel, ...time };
}

/** Never claims more than the running pfw said. */
function whereText({ running, mode, milliseconds }: Changed): string {
  const time = `(${Math.max(1, Math.round(milliseconds))} ms)`;
  if (!running) return paint("yellow", "pfw is not running: takes effect at the next start");
  if (mode === "enforce") return paint("green", `in the kernel now ${time}`);
  return paint("yellow", `pfw only observes, and judges by it now ${time}`);
}

function namesOf(addresses: readonly string[]): string {
  return addresses.length <= NAMED
    ? addresses.map((address) => foreignText(address, 60)).join(", ")
    : plural(addresses.length, "address", "addresses");
}
