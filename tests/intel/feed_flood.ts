/**
 * Writes one of the floods to a feed's reader and prints what was held of it, after collections, and
 * the error, as JSON. Argument: its number. A process of its own, for it needs `--expose-gc`.
 */
import assert from "node:assert/strict";
import { FeedError, type FeedFormat } from "../../intel/feed.ts";
import { FeedReader } from "../../intel/feed_reader.ts";
import { bytesOf } from "./reading.ts";

const MEGABYTE = 1 << 20;
const TOTAL = 100 * MEGABYTE;

/** What is written, and what becomes of it. */
export interface Flood {
  readonly name: string;
  readonly format: FeedFormat | "auto";
  readonly begin?: string;
  /** Again and again. */
  readonly repeat: string;
  /** What the error must be; a list where absent. */
  readonly reason?: RegExp;
}

/** Each of a hundred megabytes. */
export const FLOODS: readonly Flood[] = [
  {
    name: "one line without end",
    format: "plain",
    repeat: "5",
    reason: /^is text of|1 lines is no/,
  },
  { name: "comments", format: "auto", repeat: "# nothing here\n" },
  { name: "empty lines", format: "plain", begin: "5.9.10.11\n", repeat: "\r\n" },
  { name: "blanks", format: "auto", repeat: " ", reason: /^is text of a form/ },
  { name: "one address again and again", format: "auto", repeat: "5.9.10.11\n" },
  { name: "malformed lines", format: "plain", repeat: "nobody\n", reason: /are no addresses$/ },
  { name: "a page", format: "plain", begin: "<html>", repeat: "<p>text", reason: /^is an HTML/ },
  {
    name: "overlong lines",
    format: "plain",
    repeat: `${"x".repeat(9000)}\n`,
    reason: /no addresses$/,
  },
  { name: "quotes", format: "feodo_csv", begin: '"dst_ip"\n', repeat: '"', reason: /no address/ },
  {
    name: "a JSON text",
    format: "feodo_json",
    begin: '[{"ip_address":"',
    repeat: "5",
    reason: /one value$/,
  },
  {
    name: "a JSON number",
    format: "feodo_json",
    begin: '[{"ip_address":',
    repeat: "5",
    reason: /one value$/,
  },
  { name: "JSON blanks", format: "feodo_json", begin: "[", repeat: " ", reason: /one value$/ },
  { name: "JSON nesting", format: "crowdsec", repeat: "[", reason: /too deeply$/ },
  {
    name: "a JSON record with endless members",
    format: "auto",
    begin: '[{"ip_address":"5.9.10.11"',
    repeat: ',"x":{"y":[1,2,3,"some text"]}',
    reason: /^is cut off/,
  },
  {
    name: "JSON records",
    format: "auto",
    begin: '[{"ip_address":"5.9.10.11"}',
    repeat: ',{"ip_address":"5.9.10.12","hostname":null,"port":443}',
    reason: /^is cut off/,
  },
  {
    name: "NDJSON",
    format: "auto",
    repeat: '{"cidr":"5.9.10.0/24","sblid":"SBL1","rir":"ripe"}\n',
  },
];

/** The most that was held, in bytes; `null` where it was refused before a megabyte was over. */
export interface Held {
  readonly kept: number | null;
  readonly reason?: string;
}

declare const gc: () => void;

function held(): number {
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

function flood({ format, begin = "", repeat }: Flood): Held {
  const chunk = bytesOf(repeat.repeat(Math.ceil(MEGABYTE / repeat.length)));
  const before = held();
  const reader = new FeedReader(format);
  let kept: number | null = null;
  try {
    reader.write(bytesOf(begin));
    for (let sent = 0; sent < TOTAL; sent += chunk.length) {
      reader.write(chunk);
      kept = Math.max(kept ?? 0, held() - before);
    }
    assert.ok(reader.end().list.size <= 1);
    return { kept };
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    return { kept, reason: error.message };
  }
}

if (import.meta.main) console.log(JSON.stringify(flood(FLOODS[Number(Deno.args[0])])));
