/** The forms of feeds that have one entry a line. */
import { addEntry, byteText, readNumber } from "./address_bytes.ts";
import { type FeedEntries, levelOf } from "./feed_entries.ts";
import type { FormatOptions } from "./format_reader.ts";
import { isBlank, type ReadLine } from "./lines.ts";

const HASH = 0x23, SEMICOLON = 0x3b, COMMA = 0x2c;

/**
 * An address, CIDR range or `first-last` first on each line; what follows a blank, `#`, `;` or `,`
 * says more about it. So are Feodo Tracker's and Spamhaus' text lists, FireHOL's netsets,
 * blocklist.de, Tor's bulk list and AbuseIPDB's as text.
 */
export function readPlain(entries: FeedEntries): ReadLine {
  return (bytes, start, end) => addEntry(entries, bytes, start, wordEnd(bytes, start, end), 0);
}

/** `address<TAB>count`: IPsum, where the count is how many lists have the address. */
export function readIpsum(entries: FeedEntries, { minimum }: FormatOptions): ReadLine {
  return (bytes, start, end) => {
    const word = wordEnd(bytes, start, end);
    let from = word;
    while (from < end && isBlank(bytes[from])) from++;
    const count = from > word ? readNumber(bytes, from, wordEnd(bytes, from, end)) : -1;
    if (count < 0) entries.refuse("malformed");
    else if (count < minimum) entries.refuse("below_minimum");
    else addEntry(entries, bytes, start, word, levelOf(count));
  };
}

/** `address#reliability#risk#activity#country#city#place#numbers`: AlienVault's reputation data. */
export function readOtxReputation(entries: FeedEntries): ReadLine {
  return (bytes, start, end) => {
    const first = hashIn(bytes, start, end), second = hashIn(bytes, first + 1, end);
    const third = hashIn(bytes, second + 1, end);
    const isWhole = third < end;
    const reliability = isWhole ? readNumber(bytes, first + 1, second) : -1;
    if (reliability < 0 || readNumber(bytes, second + 1, third) < 0) entries.refuse("malformed");
    else addEntry(entries, bytes, start, first, levelOf(reliability));
  };
}

/** `ExitAddress address date time` among lines about each node: Tor's exit-addresses. */
export function readTor(entries: FeedEntries): ReadLine {
  return (bytes, start, end) => {
    if (end - start > 200) return entries.refuse("malformed");
    const [keyword, address, date, time] = byteText(bytes, start, end).split(/[ \t]+/);
    if (/^(ExitNode|Published|LastStatus|@type|Downloaded)$/.test(keyword)) return;
    const isWhole = keyword === "ExitAddress" && /^\d{4}-\d\d-\d\d$/.test(date ?? "") &&
      /^\d\d:\d\d:\d\d$/.test(time ?? "");
    if (isWhole) entries.addText(address, 0);
    else entries.refuse("malformed");
  };
}

/** Where the first `#` from `start` on stands, or `end`; `indexOf` would look beyond the line. */
function hashIn(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== HASH) at++;
  return at;
}

/** Where the word that begins at `start` ends. */
function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (; at < end; at++) {
    const byte = bytes[at];
    if (isBlank(byte) || byte === HASH || byte === SEMICOLON || byte === COMMA) break;
  }
  return at;
}
