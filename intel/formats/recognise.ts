/** Which form a feed is in, by its first bytes; and what they are when they are no feed. */
import { isPrefix } from "../../engine/net/address.ts";
import { FeedError, type FeedFormat } from "../feed.ts";
import { byteText } from "./address_bytes.ts";
import { isFeodoHeader } from "./feodo_csv.ts";
import { JsonWalker } from "./json_walker.ts";

/** What the beginning of a text shows. */
export interface Recognition {
  /** The forms that it may have, the likeliest first; none where it has none that is known. */
  readonly forms: readonly FeedFormat[];
  /** What it is, for people: `JSON`, `text`. */
  readonly kind: string;
}

/** How much is looked at, in bytes: comments may come first, but what JSON is shows soon. */
const LOOKED_AT = 65_536;
const LOOKED_AT_IN_JSON = 16_384;
/** Lines that are looked at, comments aside. */
const LINES = 20;

/** The first bytes of what servers send by mistake. */
const SIGNATURES: readonly (readonly [string, readonly number[]])[] = [
  ["gzip data", [0x1f, 0x8b]],
  ["a zip archive", [0x50, 0x4b, 0x03, 0x04]],
  ["bzip2 data", [0x42, 0x5a, 0x68]],
  ["xz data", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ["zstd data", [0x28, 0xb5, 0x2f, 0xfd]],
  ["lz4 data", [0x04, 0x22, 0x4d, 0x18]],
  ["a 7z archive", [0x37, 0x7a, 0xbc, 0xaf]],
  ["a PDF", [0x25, 0x50, 0x44, 0x46]],
  ["UTF-16 text", [0xff, 0xfe]],
  ["UTF-16 text", [0xfe, 0xff]],
];

/**
 * Looks at the beginning of a text.
 *
 * @param head its first bytes, a byte order mark left out
 * @param isWhole there are no more
 * @throws FeedError that says what it is where it can be no feed
 */
export function recognise(head: Uint8Array, isWhole: boolean): Recognition {
  for (const [name, signature] of SIGNATURES) {
    if (signature.every((byte, at) => head[at] === byte)) throw new FeedError(`is ${name}`);
  }
  if (head.indexOf(0) >= 0) throw new FeedError("is binary, not text");
  const text = byteText(head, 0, Math.min(head.length, LOOKED_AT)).trimStart();
  const isAll = isWhole && head.length <= LOOKED_AT;
  if (text === "" && isAll) throw new FeedError("is empty");
  if (/^<(!doctype html|html|head|body|script)/i.test(text)) throw new FeedError("is an HTML page");
  if (text.startsWith("<")) throw new FeedError("is HTML or XML");
  if (!/^(?:[[{]|null\s*$)/.test(text)) return { forms: textForms(text, isAll), kind: "text" };
  const isAllJson = isWhole && head.length <= LOOKED_AT_IN_JSON;
  return { forms: jsonForms(head.subarray(0, LOOKED_AT_IN_JSON), isAllJson), kind: "JSON" };
}

/** What tells a form of JSON: one of these paths. */
const JSON_MARKS: readonly (readonly [FeedFormat, readonly string[]])[] = [
  ["feodo_json", ["[].ip_address"]],
  ["crowdsec", [".new", ".deleted", "[].scope"]],
  ["spamhaus_json", [".cidr", ".records"]],
  ["abuseipdb", [".data[].ipAddress", ".meta.generatedAt"]],
  ["otx_export", [".results"]],
];

function jsonForms(head: Uint8Array, isWhole: boolean): FeedFormat[] {
  const seen = new Set<string>();
  const see = (path: string) => void seen.add(path);
  const walker = new JsonWalker({ enter: see, leave: () => {}, scalar: see }, true);
  let failure: unknown;
  try {
    walker.block(head);
    if (isWhole) walker.end();
  } catch (error) {
    failure = error;
  }
  const forms = JSON_MARKS.filter(([, marks]) => marks.some((mark) => seen.has(mark)))
    .map(([form]) => form);
  if (forms.length > 0) return forms;
  if (failure) throw failure;
  const text = byteText(head, 0, head.length).trim();
  // A list without items says nothing of them; CrowdSec's API answers null where it has none.
  if (/^\[\s*\]$/.test(text)) return ["feodo_json", "crowdsec"];
  return text === "null" ? ["crowdsec"] : [];
}

/** The forms of text with one entry a line, each by a line that it alone has. */
const TEXT_MARKS: readonly (readonly [readonly FeedFormat[], (line: string) => boolean])[] = [
  [["tor"], (line) => /^(ExitNode|ExitAddress|@type tordnsel) /.test(line)],
  [["feodo_csv"], isFeodoHeader],
  [["otx_reputation", "plain"], (line) => /^[^#\s]+#\d+#\d+#/.test(line) && beginsWithPrefix(line)],
  [["ipsum", "plain"], (line) => /^\S+[ \t]+\d{1,5}$/.test(line) && beginsWithPrefix(line)],
  [["plain"], beginsWithPrefix],
];

function textForms(text: string, isWhole: boolean): readonly FeedFormat[] {
  const lines = text.split("\n");
  if (!isWhole) lines.pop();
  if (lines.length === 0) return [];
  let looked = 0;
  for (const line of lines) {
    const trimmed = line.trim();
    if (trimmed === "" || /^[#;]/.test(trimmed)) continue;
    const mark = TEXT_MARKS.find(([, isOfForm]) => isOfForm(trimmed));
    if (mark) return mark[0];
    if (++looked === LINES) return [];
  }
  // Comments alone: a list that is empty today.
  return looked === 0 ? ["plain", "ipsum", "feodo_csv", "otx_reputation", "tor"] : [];
}

function beginsWithPrefix(line: string): boolean {
  const [first, last, ...more] = /^[^\s#;,]*/.exec(line)![0].split("-");
  return more.length === 0 && isPrefix(first) && (last === undefined || isPrefix(last));
}
