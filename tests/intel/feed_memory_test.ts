/** A hundred megabytes of anything: what the reader holds is bounded by the entries. */
import assert from "node:assert/strict";
import { FeedError, type FeedFormat } from "../../intel/feed.ts";
import { FeedReader } from "../../intel/feed_reader.ts";
import { bytesOf } from "./reading.ts";

const MEGABYTE = 1 << 20;
const TOTAL = 100 * MEGABYTE;
/** What is held while the last of them come: the least, for garbage comes and goes. */
const LAST = 60;
/**
 * None of these may hold more, in bytes: a third of what came. Most of it is garbage, of which the
 * collector leaves the more the faster it comes and the more memory the machine has.
 */
const MAY_HOLD = 32 * MEGABYTE;

interface Flood {
  readonly name: string;
  readonly format: FeedFormat | "auto";
  readonly begin?: string;
  /** Repeated; with `#` replaced by a number that counts up to `distinct`. */
  readonly repeat: string;
  /** What the error must be; a list where absent. */
  readonly reason?: RegExp;
}

const FLOODS: readonly Flood[] = [
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

function held(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Writes the flood; says what was held of it, and the error. */
function flood({ format, begin = "", repeat }: Flood): { kept: number; reason?: string } {
  const chunk = bytesOf(repeat.repeat(Math.ceil(MEGABYTE / repeat.length)));
  const samples: number[] = [];
  const before = held();
  const reader = new FeedReader(format);
  const kept = () => Math.min(...samples.slice(-LAST));
  try {
    reader.write(bytesOf(begin));
    for (let sent = 0; sent < TOTAL; sent += chunk.length) {
      reader.write(chunk);
      samples.push(held() - before);
    }
    assert.ok(reader.end().list.size <= 1);
    return { kept: kept() };
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    return { kept: kept(), reason: error.message };
  }
}

for (const one of FLOODS) {
  Deno.test(`feeds: 100 MB of ${one.name} are not held`, () => {
    const { kept, reason } = flood(one);
    if (one.reason) assert.match(reason ?? "taken as a list", one.reason);
    else assert.equal(reason, undefined);
    // Refused before the first megabyte was over, nothing was sampled.
    assert.ok(kept < MAY_HOLD || kept === Infinity, `${Math.round(kept / MEGABYTE)} MB`);
  });
}
