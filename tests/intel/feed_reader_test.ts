import assert from "node:assert/strict";
import { FEED_FORMATS, type FeedFormat } from "../../intel/feed.ts";
import { FEED_SAMPLES } from "./feed_samples.ts";
import { sharedPath } from "../support/shared.ts";
import { attempt, readFeed, textsOf } from "./reading.ts";

Deno.test("feeds: there is a sample of every form", () => {
  const missing = FEED_FORMATS.filter((one) => !FEED_SAMPLES.some(({ format }) => format === one));
  assert.deepEqual(missing, []);
});

for (const sample of FEED_SAMPLES) {
  for (const format of ["auto", sample.format] as const) {
    Deno.test(`feeds: ${sample.name}, read as ${format}`, () => {
      const content = readFeed(format, sample.text);
      assert.equal(content.format, sample.format);
      assert.deepEqual(textsOf(content), sample.entries);
      assert.deepEqual([...content.levels], sample.levels ?? sample.entries.map(() => 0));
      assert.deepEqual(content.refused, sample.refused ?? {});
    });
  }
}

/** What `plain` may hold without being wrong: other lists that begin with the address. */
const ALSO_PLAIN: readonly FeedFormat[] = ["plain", "ipsum", "otx_reputation"];

Deno.test("feeds: a form by name refuses the others, and says what they are", () => {
  for (const { format, text, name } of FEED_SAMPLES) {
    for (const asked of FEED_FORMATS) {
      if (asked === format || (asked === "plain" && ALSO_PLAIN.includes(format))) continue;
      assert.equal(attempt(() => readFeed(asked, text)), `is ${format}, not ${asked}`, name);
    }
  }
});

const minimums: readonly (readonly [FeedFormat, string, number, readonly string[], number])[] = [
  ["ipsum", "5.9.10.11\t2\n5.9.10.12\t3\n5.9.10.13\t4\n", 3, ["5.9.10.12", "5.9.10.13"], 1],
  [
    "abuseipdb",
    '{"data":[{"ipAddress":"5.9.10.11","abuseConfidenceScore":89},' +
    '{"ipAddress":"5.9.10.12","abuseConfidenceScore":90},{"ipAddress":"5.9.10.13"}]}',
    90,
    ["5.9.10.12"],
    2,
  ],
];
for (const [format, text, minimum, entries, below] of minimums) {
  Deno.test(`feeds: what is below the minimum of ${format} is left out and counted`, () => {
    const content = readFeed(format, text, { minimum });
    assert.deepEqual(textsOf(content), entries);
    assert.deepEqual(content.refused, { below_minimum: below });
  });
}

Deno.test("feeds: equal entries are one, with the highest level; covered ones are gone", () => {
  const { list, levels } = readFeed(
    "ipsum",
    "5.9.10.11\t2\n5.9.10.11\t7\n5.9.10.11\t3\n45.9.0.0/16\t1\n45.9.1.1\t9\n2a0b::1\t4\n2a0b::1\t5\n",
  );
  assert.deepEqual([...list.texts(4)], ["5.9.10.11", "45.9.0.0/16"]);
  assert.deepEqual([...list.texts(6)], ["2a0b::1"]);
  assert.deepEqual([...levels], [7, 1, 5]);
});

const empty: readonly (readonly [string, FeedFormat | "auto", FeedFormat, string])[] = [
  ["comments alone", "auto", "plain", "# nothing today\n# END 0 entries\n"],
  ["comments alone, named", "ipsum", "ipsum", "# nothing today\n"],
  ["a header row alone", "auto", "feodo_csv", '"first_seen_utc","dst_ip"\n# END (0) entries\n'],
  ["an empty list", "auto", "feodo_json", "[ ]\n"],
  ["an empty list, named", "crowdsec", "crowdsec", "[]"],
  ["null, as Go writes an empty list", "auto", "crowdsec", "null\n"],
  ["no decisions", "auto", "crowdsec", '{"deleted":null,"new":null}'],
  ["no reports", "auto", "abuseipdb", '{"meta":{"generatedAt":"2026-03-08"},"data":[]}'],
  ["no indicators", "auto", "otx_export", '{"results":[],"count":0}'],
  ["metadata alone", "auto", "spamhaus_json", '{"type":"metadata","records":0}\n'],
];
for (const [what, asked, found, text] of empty) {
  Deno.test(`feeds: ${what} is a list without entries`, () => {
    const { format, list, levels, refused } = readFeed(asked, text);
    assert.deepEqual([format, list.size, levels.length, refused], [found, 0, 0, {}]);
  });
}

Deno.test("feeds: more entries than may be are refused, repetitions not", () => {
  const lines = (count: number, of: (at: number) => string) =>
    Array.from({ length: count }, (_, at) => `${of(at)}\n`).join("");
  const v4 = (at: number) => `5.9.${at >> 8}.${at & 255}`;
  const v6 = (at: number) => `2a0b::${at.toString(16)}`;
  const read = (text: string) => attempt(() => readFeed("auto", text, { maxEntries: 4000 }));
  assert.equal(read(lines(4001, v4)), "has more than 4000 IPv4 entries");
  assert.equal(read(lines(20_000, v4)), "has more than 4000 IPv4 entries");
  assert.equal(read(lines(1001, v6)), "has more than 1000 IPv6 entries");
  assert.equal(read(lines(3500, v4) + lines(501, v6)), "has more than 4000 entries");
  for (
    const [text, size] of [
      [lines(4000, v4), 4000],
      [lines(40_000, (at) => v4(at % 4000)), 4000],
      [lines(10_000, (at) => v6(at % 1000)), 1000],
    ] as const
  ) {
    const content = read(text);
    assert.ok(typeof content !== "string", String(content));
    assert.equal(content.list.size, size);
  }
});

const SHARED: Readonly<Record<string, readonly [FeedFormat, number]>> = {
  "abuseipdb.json": ["abuseipdb", 2],
  "crowdsec_stream.json": ["crowdsec", 2],
  "feodo.csv": ["feodo_csv", 2],
  "feodo.json": ["feodo_json", 2],
  "feodo.txt": ["plain", 2],
  "firehol_level1.netset": ["plain", 3],
  "ipsum.txt": ["ipsum", 120_430],
  "otx_export.json": ["otx_export", 1],
  "otx_reputation.data": ["otx_reputation", 1],
  "spamhaus_drop.txt": ["plain", 3],
  "spamhaus_drop_v4.json": ["spamhaus_json", 2],
  "spamhaus_drop_v6.json": ["spamhaus_json", 2],
  "tor_exit_addresses.txt": ["tor", 1],
};
const shared = sharedPath("feeds");
Deno.test({
  name: `feeds: the providers' samples beside the checkout${shared ? "" : " (not there)"}`,
  ignore: !shared,
  fn() {
    for (const [file, [form, size]] of Object.entries(SHARED)) {
      const bytes = Deno.readFileSync(`${shared}/${file}`);
      for (const asked of ["auto", form] as const) {
        const { format, list } = readFeed(asked, bytes);
        assert.deepEqual([format, list.size], [form, size], file);
      }
    }
  },
});
