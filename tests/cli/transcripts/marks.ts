/** Marks for what differs from run to run, as wide as what they stand for where tables need it. */
import type { Sandbox } from "../../support/sandbox.ts";

const TIMES: readonly [RegExp, string][] = [
  [/\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "YYYY-MM-DDThh:mm:ss.sssZ"],
  [/\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}/g, "YYYY-MM-DD hh:mm:ss.sss"],
  [/\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d/g, "YYYY-MM-DD hh:mm:ss"],
  [/\b20\d\d-\d\d-\d\d \d\d:\d\d(?!:)/g, "YYYY-MM-DD hh:mm"],
];

const OTHERS: readonly [RegExp, string][] = [
  [/\(\d+ ms\)/g, "(<n> ms)"],
  [/"milliseconds": [\d.]+/g, '"milliseconds": <n>'],
  [/in [\d.]+ s \([\d,]+ packets\/s\)/g, "in <n> s (<n> packets/s)"],
  [/pfw \d+\.\d+\.\d+ \((?:source|compiled|self-extracting), deno [\d.]+\)/g, "pfw <version>"],
  [/pfw \d+\.\d+\.\d+/g, "pfw <version>"],
  // Only root can tell.
  [/,\n {2}"standingRules": "none"/g, ""],
];

/** Doctor looks at the machine, and a transcript may not depend on it. */
const MACHINE =
  /^(?:[✓✗!]| {2}) {1,2}(?:libpcap|ip6?tables|ipset|NFLOG|set match|set target|hashlimit|limit match|conntrack|multiport|raw table|disk space|SQLite)\b.*\n/gm;

/** Feeds are told as they come, and two of them are fetched at once. */
const FETCHED_FEEDS = /^(?:[A-Z][\w ]*: [\d,]+ entr(?:y|ies)\b.*\n){2,}/gm;

/** The text with marks. */
export function marked(text: string, box: Sandbox): string {
  let marks = text.replaceAll(box.directory, "<dir>").replace(MACHINE, "");
  for (const [pattern, mark] of [...TIMES, ...OTHERS]) marks = marks.replace(pattern, mark);
  marks = marks.replace(FETCHED_FEEDS, (lines) => lines.split(/(?<=\n)/).sort().join(""));
  return marks.replace(/ready to enforce: privilege[^;]*;/, "ready to enforce: privilege;")
    .replaceAll("\r\n", "\\r\n");
}
