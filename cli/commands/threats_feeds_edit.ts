/** `threats feeds enable`, `disable`, `add`, `remove`: which feeds the configuration names. */
import { FeedError, type FeedFormat } from "../../intel/feed.ts";
import { FEED_CATALOGUE } from "../../intel/feed_catalogue.ts";
import { feedUrl, filePath } from "../../intel/feed_url.ts";
import {
  headerNameProblem,
  nameProblem,
  quote,
  secretProblem,
  urlProblem,
} from "../../engine/policy/field_problems.ts";
import { parseDuration } from "../../engine/policy/units.ts";
import { type ChangingContext, usageError } from "../context.ts";
import { paint, print, printable, printJson } from "../output.ts";
import { type Applied, applyEdit } from "./apply_edit.ts";
import { confirmFields, printConfirm } from "./print_edited.ts";
import {
  addFeedTo,
  disableFeedsIn,
  enableFeedsIn,
  type FeedDraft,
  type FeedEdit,
  removeFeedsFrom,
} from "./threats_feeds_draft.ts";

/** `threats feeds enable`. */
export async function enableFeeds(
  context: ChangingContext,
  names: readonly string[],
): Promise<void> {
  const edited = await applyEdit(context, (draft) => enableFeedsIn(draft, names));
  report(context, "enable", edited, "enabled", "already on");
}

/** `threats feeds disable`. */
export async function disableFeeds(
  context: ChangingContext,
  names: readonly string[],
): Promise<void> {
  const edited = await applyEdit(context, (draft) => disableFeedsIn(draft, names));
  report(context, "disable", edited, "disabled", "already off");
}

/** `threats feeds remove`. */
export async function removeFeeds(
  context: ChangingContext,
  names: readonly string[],
): Promise<void> {
  const edited = await applyEdit(context, (draft) => removeFeedsFrom(draft, names));
  report(context, "remove", edited, "removed", "not there");
}

/** What the command line says of a new feed. */
export interface AddFeedOptions {
  readonly format: FeedFormat | "auto";
  readonly interval: string;
  readonly minimum: string;
  readonly header: readonly string[];
  readonly allowInsecure?: boolean;
}

/** `threats feeds add`. */
export async function addFeed(
  context: ChangingContext,
  name: string,
  url: string,
  options: AddFeedOptions,
): Promise<void> {
  const feed = readFeed(name, url, options);
  const edited = await applyEdit(context, (draft) => addFeedTo(draft, feed));
  report(context, "add", edited, "added", "already there");
}

function readFeed(name: string, url: string, options: AddFeedOptions): FeedDraft {
  const nameFault = nameProblem(name);
  if (nameFault !== undefined) throw usageError("wrong usage", `the name ${nameFault}`);
  const allow_insecure = options.allowInsecure === true;
  requireUrl(url, allow_insecure);
  if (parseDuration(options.interval) === undefined) {
    const why = `--interval ${quote(options.interval)} is no duration`;
    throw usageError("wrong usage", why, "write 10m, 1h or 1d");
  }
  const minimum = /^\d{1,3}$/.test(options.minimum) ? Number(options.minimum) : 256;
  if (minimum > 255) throw usageError("wrong usage", "--minimum is no number from 0 to 255");
  const headers = readHeaders(options.header);
  return {
    name,
    url,
    format: options.format,
    interval: options.interval,
    enabled: true,
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    ...(minimum > 0 ? { minimum } : {}),
    ...(allow_insecure ? { allow_insecure } : {}),
  };
}

function requireUrl(url: string, allowInsecure: boolean): void {
  const problem = urlProblem(url) ?? fileProblem(url);
  if (problem !== undefined) {
    const isFile = url.startsWith("/") || /^file:/i.test(url);
    const next = isFile ? "write a file as file:///absolute/path" : undefined;
    throw usageError("wrong usage", problem, next);
  }
  try {
    feedUrl(url, allowInsecure);
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    const next = "use https, or --allow-insecure if whoever is on the way may change the list";
    throw usageError("wrong usage", error.message.replace(/: set allow_insecure$/, ""), next);
  }
}

/** Wants of a file what can be fetched: `file://my.txt` is a machine, `file:my.txt` is /my.txt. */
function fileProblem(url: string): string | undefined {
  if (!/^file:/i.test(url)) return undefined;
  try {
    filePath(new URL(url));
    if (/^file:(\/\/(localhost)?)?\//i.test(url)) return undefined;
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
  }
  return `${quote(url)} names no file of this machine by its whole path`;
}

/** Nothing of what was given is repeated: it may be the key itself. */
function readHeaders(given: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const text of given) {
    const equals = text.indexOf("=");
    const name = text.slice(0, Math.max(0, equals)), place = text.slice(equals + 1);
    if (headerNameProblem(name) !== undefined || secretProblem(place) !== undefined) {
      const why = "a --header says not where its value is kept";
      const next = 'write "Name=env:VARIABLE" or "Name=file:/path": command lines, ' +
        "configurations and histories are no place for keys";
      throw usageError("wrong usage", why, next);
    }
    headers[name] = place;
  }
  return headers;
}

function report(
  context: ChangingContext,
  action: string,
  edited: Applied<FeedEdit>,
  done: string,
  notDone: string,
): void {
  const { changed, answer, pending, value: { feeds, unchanged } } = edited;
  const names = feeds.map(({ name }) => name);
  const needed = action === "enable" || action === "add" ? feeds.flatMap(keysOf) : [];
  if (context.json) {
    const confirm = pending ? { confirm: confirmFields(pending) } : {};
    const running = answer === undefined ? null : answer.running;
    const needs = needed.map(({ place }) => place);
    return printJson({ action, feeds: names, unchanged, needs, changed, running, ...confirm });
  }
  if (names.length > 0) {
    print(printable(`${done} ${names.join(", ")}: ${takenOver(action, edited)}`));
  }
  if (unchanged.length > 0) print(printable(`${notDone}: ${unchanged.join(", ")}`));
  if (action === "enable") feeds.forEach(printTerms);
  for (const { name, place } of needed) {
    print(paint("yellow", printable(keyText(name, place))));
  }
  if (pending) printConfirm(pending);
}

function printTerms({ name, url }: FeedDraft): void {
  const known = FEED_CATALOGUE.find((feed) => feed.url === url);
  if (!known) return;
  print(paint("gray", printable(`${name}: ${known.description}. Terms: ${known.terms}`)));
}

function keysOf({ name, headers }: FeedDraft): { name: string; place: string }[] {
  return Object.values(headers ?? {}).map((place) => ({ name, place }));
}

function keyText(name: string, place: string): string {
  return place.startsWith("env:")
    ? `${name} needs a key: set ${place.slice(4)} where pfw starts ` +
      "(for the service: systemctl edit personal-firewall)"
    : `${name} needs a key: put it into ${place.slice(5)}`;
}

/** What the running pfw does now; that the kernel has a list is known only once it is fetched. */
function takenOver(action: string, { answer }: Applied<unknown>): string {
  if (answer?.running) {
    const isWanted = action === "enable" || action === "add";
    const text = isWanted ? "the running pfw fetches it now" : "the running pfw drops its entries";
    return paint("green", `${text}, see pfw threats feeds`);
  }
  const otherConfig = answer?.running === false ? answer.otherConfig : undefined;
  return paint(
    "yellow",
    otherConfig === undefined
      ? "pfw is not running: takes effect at the next start"
      : `the running pfw uses ${otherConfig}: takes effect when pfw starts with this file`,
  );
}
