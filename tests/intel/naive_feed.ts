/** Feed readers that are obviously right: the whole text, split, a regular expression a line. */
import { formatPrefix, parsePrefix, type Prefix } from "../../engine/net/address.ts";
import { covers, PrefixList } from "../../engine/net/prefix_list.ts";
import type { FeedFormat, Refusals } from "../../intel/feed.ts";
import { SPECIAL_RANGES, WIDEST } from "../../intel/special_ranges.ts";

const specials = SPECIAL_RANGES.map(({ text }) => parsePrefix(text)!);
const unicast = parsePrefix("2000::/3")!;

/** Whether no feed may list the prefix. */
export function isSpecial(prefix: Prefix): boolean {
  return prefix.length < WIDEST[prefix.family] ||
    specials.some((special) => covers(special, prefix) || covers(prefix, special)) ||
    (prefix.family === 6 && !covers(unicast, prefix));
}

/** What became of one record: an entry with its level, or why there is none. */
export type NaiveRecord = { text: string; level?: number } | "below_minimum" | "other_kind" | null;

/** The record of a line; `undefined` where the line is none. */
type NaiveLine = (line: string, minimum: number) => NaiveRecord | undefined;

/** Readers of a line without the blanks around it, by form. */
export const NAIVE_LINES = {
  plain: (line) => ({ text: /^[^ \t\v\f\r#;,]*/.exec(line)![0] }),
  ipsum(line, minimum) {
    const match = /^([^ \t\v\f\r#;,]+)[ \t\v\f\r]+(0|[1-9]\d{0,8})(?:[ \t\v\f\r#;,]|$)/.exec(line);
    if (!match) return null;
    return Number(match[2]) < minimum
      ? "below_minimum"
      : { text: match[1], level: Math.min(255, Number(match[2])) };
  },
  otx_reputation(line) {
    const match = /^([^#]*)#(0|[1-9]\d{0,8})#(?:0|[1-9]\d{0,8})#/.exec(line);
    return match && { text: match[1], level: Math.min(255, Number(match[2])) };
  },
  tor(line) {
    if (/^(ExitNode|Published|LastStatus|@type|Downloaded)([ \t]|$)/.test(line)) return undefined;
    const match = /^ExitAddress[ \t]+([^ \t]+)[ \t]+\d{4}-\d\d-\d\d[ \t]+\d\d:\d\d:\d\d([ \t]|$)/
      .exec(line);
    return match && { text: match[1] };
  },
} as const satisfies Partial<Record<FeedFormat, NaiveLine>>;

/** Everything of a feed that a reader must find as well. */
export interface NaiveContent {
  /** In order, IPv4 first, covered ones left out, with their levels. */
  readonly entries: readonly (readonly [string, number])[];
  readonly refused: Refusals;
  /** Records refused by their addresses, whatever the cause. */
  readonly special: number;
  readonly records: number;
}

/** The lines of a text in one of the forms above. */
export function naiveLines(
  form: keyof typeof NAIVE_LINES,
  text: string,
  minimum = 0,
): NaiveContent {
  const read: NaiveLine = NAIVE_LINES[form];
  const records = text.split("\n")
    .map((line) => line.replace(/^[ \t\v\f\r]+|[ \t\v\f\r]+$/g, ""))
    .filter((line) => line !== "" && !/^[#;]/.test(line))
    .map((line) => read(line, minimum))
    .filter((record) => record !== undefined);
  return naiveContent(records);
}

/** What these records amount to. */
export function naiveContent(records: readonly NaiveRecord[]): NaiveContent {
  const refused: Refusals = {}, levels = new Map<string, number>(), kept: Prefix[] = [];
  let special = 0;
  for (const record of records) {
    const prefix = record && typeof record === "object" ? parsePrefix(record.text) : undefined;
    if (prefix && isSpecial(prefix)) special++;
    else if (prefix) {
      const level = (record as { level?: number }).level ?? 0, key = formatPrefix(prefix);
      kept.push(prefix);
      levels.set(key, Math.max(levels.get(key) ?? 0, level));
    } else {
      const cause = typeof record === "string" ? record : "malformed";
      refused[cause] = (refused[cause] ?? 0) + 1;
    }
  }
  const list = PrefixList.from(kept);
  const texts = [...list.texts(4), ...list.texts(6)];
  return {
    entries: texts.map((text) => [text, levels.get(text)!]),
    refused,
    special,
    records: records.length,
  };
}
