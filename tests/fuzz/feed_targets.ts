/** The feed readers as targets: any bytes are a list that keeps its promises, or a `FeedError`. */
import assert from "node:assert/strict";
import { FEED_FORMATS, type FeedContent, FeedError, type FeedFormat } from "../../intel/feed.ts";
import { FeedReader } from "../../intel/feed_reader.ts";
import { FEED_SAMPLES, SAMPLE_TIME } from "../intel/feed_samples.ts";
import { isSpecial } from "../intel/naive_feed.ts";
import { sharedPath } from "../support/shared.ts";
import type { FuzzTarget } from "./targets.ts";

const FORMATS = ["auto", ...FEED_FORMATS] as const;
const MAX_ENTRIES = 3000;

/** The first byte chooses the form, the second where the text is cut in pieces. */
function seedOf(format: FeedFormat, text: Uint8Array): Uint8Array[] {
  return ["auto" as const, format].map((one) => {
    const seed = new Uint8Array(2 + text.length);
    seed.set([FORMATS.indexOf(one), text.length]);
    seed.set(text, 2);
    return seed;
  });
}

function seeds(): Uint8Array[] {
  const own = FEED_SAMPLES.map(({ format, text }) => ({
    format,
    bytes: new TextEncoder().encode(text),
  }));
  const folder = sharedPath("feeds");
  const shared = folder
    ? [...Deno.readDirSync(folder)].map(({ name }) => ({
      format: "plain" as const,
      bytes: Deno.readFileSync(`${folder}/${name}`).subarray(0, 2048),
    }))
    : [];
  return [...own, ...shared].flatMap(({ format, bytes }) => seedOf(format, bytes));
}

function read(input: Uint8Array, step: number): FeedContent | string {
  const format = FORMATS[input[0] % FORMATS.length];
  const reader = new FeedReader(format, { now: SAMPLE_TIME, minimum: 1, maxEntries: MAX_ENTRIES });
  try {
    for (let at = 2; at < input.length; at += step) reader.write(input.subarray(at, at + step));
    const content = reader.end();
    assert.ok(format === "auto" || content.format === format);
    return content;
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    assert.ok(/^(is|has) /.test(error.message) && error.message.length < 300, error.message);
    return error.message;
  }
}

/** Reads in pieces and as a whole: both must say the same, and nothing that may not be applied. */
export const feedTarget: FuzzTarget = {
  name: "feed",
  seeds,
  check(input) {
    if (input.length < 2) return;
    const content = read(input, input.length);
    assert.deepEqual(read(input, 1 + input[1]), content);
    if (typeof content === "string") return;
    const { list, levels, refused } = content;
    assert.equal(levels.length, list.size);
    assert.ok(list.size <= MAX_ENTRIES);
    assert.ok(Object.values(refused).every((count) => count > 0));
    for (const prefix of [...list.prefixes(4), ...list.prefixes(6)]) assert.ok(!isSpecial(prefix));
  },
};
