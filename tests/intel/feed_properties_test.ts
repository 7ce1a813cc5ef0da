/** Feed readers against naive ones, and against text that comes in pieces or not to its end. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { formatV4 } from "../../engine/net/address.ts";
import { type FeedContent, type FeedFormat, REFUSAL_CAUSES } from "../../intel/feed.ts";
import { FEED_SAMPLES } from "./feed_samples.ts";
import { NAIVE_LINES, type NaiveContent, naiveContent, naiveLines } from "./naive_feed.ts";
import type { NaiveRecord } from "./naive_feed.ts";
import { attempt, bytesOf, readFeed, textsOf } from "./reading.ts";

const byte = fc.nat(255);

/** Few distinct ones, so that they repeat and cover each other, and some of every kind. */
const entry: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.nat(3), byte).map(([c, d]) => `5.9.${c}.${d}`) },
  { weight: 2, arbitrary: fc.tuple(byte, byte, byte, byte).map((parts) => parts.join(".")) },
  {
    weight: 2,
    arbitrary: fc.tuple(byte, fc.integer({ min: 6, max: 33 })).map(([d, n]) => `5.9.0.${d}/${n}`),
  },
  fc.ipV6(),
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(1), fc.nat(3), fc.constantFrom(18, 31, 32, 47, 48, 64, 128, 129))
      .map(([a, b, length]) => `2A0B:${a}:${b}::/${length}`),
  },
  fc.tuple(byte, byte).map(([a, d]) => `::ffff:${a}.9.10.${d}`),
  fc.tuple(byte, byte).map(([a, d]) => `${a}.9.10.${d}/24`),
);

const garbage = fc.oneof(
  fc.constantFrom("nobody", "5.9.10", "5.9.10.256", "5.9.10.01", "5.9.10.1.1", "5.9.10.1/", "/8"),
  fc.constantFrom(
    "::g",
    "2a0b::1%eth0",
    "5..9.1",
    "5.9.10.1/08",
    "é5.9.10.1",
    "5.9.10.1é",
    "5.9.10.1#3#2",
  ),
  fc.string().map((text) => text.replace(/[\n\0-]/g, "")),
);

const tail = fc.constantFrom("", "", "", " # scanner", ";SBL1", ",DE", "\t7", " 0x", "\r");
const blank = fc.constantFrom("", "", "", " ", "\t");
const comment = fc.constantFrom("", "# a comment", " ; another", "#", "\r");
const count = fc.oneof(fc.nat(12), fc.constantFrom(254, 255, 256, 999_999_999)).map(String);

type LineForm = keyof typeof NAIVE_LINES;

const rows: Readonly<Record<LineForm, (entry: fc.Arbitrary<string>) => fc.Arbitrary<string>>> = {
  plain: (text) => fc.tuple(blank, text, tail).map((parts) => parts.join("")),
  ipsum: (text) =>
    fc.tuple(blank, text, fc.constantFrom("\t", "\t", " ", "", "#"), count, tail)
      .map((parts) => parts.join("")),
  otx_reputation: (text) =>
    fc.tuple(text, count, count, tail).map(([one, a, b, rest]) => `${one}#${a}#${b}#x#${rest}`),
  tor: (text) =>
    fc.oneof(
      text.map((one) => `ExitAddress ${one} 2026-03-14 02:18:22`),
      fc.constantFrom(
        "ExitNode 00",
        "Published 2026-03-14 01:03:21",
        "ExitAddress 5.9.10.1",
        "@type",
      ),
    ),
};

/** A line of each form that shows which it is. */
const FIRST: Readonly<Record<LineForm, string>> = {
  plain: "5.9.10.11",
  ipsum: "5.9.10.11\t3",
  otx_reputation: "5.9.10.11#3#2#x#",
  tor: "ExitNode 00",
};

/** That the reader found what the naive one did, or refused what it must. */
function assertAgrees(read: () => FeedContent, naive: NaiveContent, lastIsOpen: boolean) {
  const said = attempt(read);
  const malformed = naive.refused.malformed ?? 0, { records } = naive;
  const isNoList = malformed > 0 &&
    (malformed === records || (records >= 10 && malformed > records / 2));
  if (typeof said === "string") {
    if (/^is cut off: its last line/.test(said)) assert.ok(lastIsOpen && malformed > 0);
    else assert.ok(isNoList && /^is not read as/.test(said), said);
    return;
  }
  assert.ok(!isNoList);
  assert.deepEqual(textsOf(said).map((text, at) => [text, said.levels[at]]), naive.entries);
  const special = REFUSAL_CAUSES.filter((cause) =>
    !["malformed", "below_minimum", "other_kind"].includes(cause)
  ).reduce((sum, cause) => sum + (said.refused[cause] ?? 0), 0);
  assert.equal(special, naive.special);
  for (const cause of ["malformed", "below_minimum", "other_kind"] as const) {
    assert.equal(said.refused[cause], naive.refused[cause], cause);
  }
}

for (const form of Object.keys(NAIVE_LINES) as LineForm[]) {
  Deno.test(`feeds: ${form} agrees with a naive reader`, () => {
    const line = fc.oneof(
      { weight: 12, arbitrary: rows[form](entry) },
      { weight: 1, arbitrary: comment },
      { weight: 1, arbitrary: rows[form](garbage) },
      { weight: 1, arbitrary: garbage },
    );
    const text = fc.tuple(fc.array(line, { maxLength: 40 }), fc.boolean()).map(([lines, isOpen]) =>
      [FIRST[form], ...lines].join("\n") + (isOpen ? "" : "\n")
    );
    fc.assert(
      fc.property(text, fc.nat(5), (text, minimum) => {
        const lastIsOpen = !text.endsWith("\n");
        const read = () => readFeed(form, text, { minimum });
        assertAgrees(read, naiveLines(form, text, minimum), lastIsOpen);
      }),
      { numRuns: 500 },
    );
  });
}

const value = fc.oneof(
  { weight: 9, arbitrary: entry },
  fc.constantFrom<unknown>("nobody", "", null, 5, true, "5.9.10.1 "),
);
const noise = fc.dictionary(fc.string({ maxLength: 9 }), fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 2,
});

type Fields = Readonly<Record<string, unknown>>;

interface NaiveJson {
  readonly fields: fc.Arbitrary<Fields>;
  readonly document: (records: readonly unknown[]) => string;
  readonly record: (fields: Fields, minimum: number) => NaiveRecord;
}

const textOf = (value: unknown) => ({ text: typeof value === "string" ? value : "" });

/** A good record under each form. */
const FIRST_RECORD = {
  ip_address: "5.9.10.11",
  cidr: "5.9.10.11",
  ipAddress: "5.9.10.11",
  indicator: "5.9.10.11",
  value: "5.9.10.11",
  scope: "Ip",
  type: "IPv4",
};

const NAIVE_JSON = {
  feodo_json: {
    fields: fc.record({ ip_address: value }),
    document: (records) => JSON.stringify([FIRST_RECORD, ...records]),
    record: ({ ip_address }) => textOf(ip_address),
  },
  spamhaus_json: {
    fields: fc.record({ cidr: value }),
    document: (records) =>
      [FIRST_RECORD, ...records, { type: "metadata", records: records.length + 1 }]
        .map((one) => JSON.stringify(one)).join("\n"),
    record: ({ cidr }) => textOf(cidr),
  },
  abuseipdb: {
    fields: fc.record({ ipAddress: value, abuseConfidenceScore: fc.nat(100) }),
    document: (records) =>
      JSON.stringify(
        { meta: { generatedAt: "" }, data: [FIRST_RECORD, ...records] },
        null,
        1,
      ),
    record: ({ ipAddress, abuseConfidenceScore }, minimum) =>
      Number(abuseConfidenceScore ?? 0) < minimum
        ? "below_minimum"
        : { ...textOf(ipAddress), level: Number(abuseConfidenceScore ?? 0) },
  },
  otx_export: {
    fields: fc.record({ indicator: value, type: fc.constantFrom("IPv4", "IPv6", "CIDR", "URL") }),
    document: (records) => JSON.stringify({ results: [FIRST_RECORD, ...records], count: 1 }),
    record: ({ indicator, type }) => type === "URL" ? "other_kind" : textOf(indicator),
  },
  crowdsec: {
    fields: fc.record({
      value,
      scope: fc.constantFrom("Ip", "range", "Country"),
      type: fc.constantFrom("ban", "ban", "captcha"),
      duration: fc.constantFrom("1h2m3.5s", "-1h2m3.5s", "0s", "soon"),
      simulated: fc.boolean(),
    }),
    document: (records) =>
      JSON.stringify({ deleted: [{ value: "5.9.9.9" }], new: [FIRST_RECORD, ...records] }),
    record({ value, scope, type, duration, simulated }) {
      if (type !== "ban" || scope === "Country" || simulated) return "other_kind";
      if (duration === "soon") return null;
      return duration === undefined || duration === "1h2m3.5s" ? textOf(value) : "other_kind";
    },
  },
} as const satisfies Partial<Record<FeedFormat, NaiveJson>>;

for (const [form, naive] of Object.entries(NAIVE_JSON) as [FeedFormat, NaiveJson][]) {
  Deno.test(`feeds: ${form} agrees with reading all of it by JSON.parse`, () => {
    const record = fc.tuple(noise, naive.fields).map(([more, fields]) => ({ ...more, ...fields }));
    fc.assert(
      fc.property(fc.array(record, { maxLength: 25 }), fc.nat(100), (records, minimum) => {
        const parsed = JSON.parse(JSON.stringify(records)) as Fields[];
        const expected = naiveContent(
          [FIRST_RECORD, ...parsed].map((fields) => naive.record(fields, minimum)),
        );
        const text = naive.document(records);
        assertAgrees(() => readFeed(form, text, { minimum }), expected, false);
      }),
      { numRuns: 300 },
    );
  });
}

Deno.test("feeds: a range of addresses becomes the prefixes that hold just them", () => {
  const withinOneByte = fc.tuple(
    fc.constantFrom(5, 200),
    fc.nat(0xffffff),
    fc.nat(0xffffff),
    fc.nat(600),
  );
  fc.assert(fc.property(withinOneByte, fc.boolean(), ([byte, one, other, more], isNear) => {
    const base = byte * 2 ** 24;
    const first = base + Math.min(one, other);
    const last = isNear ? Math.min(base + 0xffffff, first + more) : base + Math.max(one, other);
    const { list } = readFeed("plain", `${formatV4(first)}-${formatV4(last)}\n`);
    let next = first;
    for (const { words, length } of list.prefixes(4)) {
      assert.equal(words[0] >>> 0, next);
      next += 2 ** (32 - length);
    }
    assert.equal(next, last + 1);
    assert.ok(list.size <= 46);
  }));
  const reversed = attempt(() =>
    readFeed("plain", "5.9.10.11\n5.9.10.9-5.9.10.8\n5.9.1.0/24-5.9.2.9\n")
  );
  assert.ok(typeof reversed !== "string");
  assert.deepEqual(reversed.refused, { malformed: 2 });
  const wide = readFeed("plain", "5.9.10.11\n1.0.0.1-9.255.255.254\n5.0.0.1-6.0.0.1\n");
  assert.deepEqual([textsOf(wide), wide.refused], [["5.9.10.11"], { too_wide: 2 }]);
});

Deno.test("feeds: where the pieces of a text begin and end makes no difference", () => {
  for (const { name, format, text } of FEED_SAMPLES) {
    const bytes = bytesOf(text), whole = readFeed(format, bytes);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        assert.deepEqual(readFeed("auto", bytes, {}, cuts), whole, name);
      }),
      { numRuns: 40 },
    );
    assert.deepEqual(readFeed(format, bytes, {}, Array.from(bytes.keys())), whole, name);
  }
});

Deno.test("feeds: a text longer than what is read at a time agrees with a naive reader", () => {
  const lines = Array.from(
    { length: 60_000 },
    (_, at) => `5.${at >> 16}.${at >> 8 & 255}.${at & 255}`,
  );
  for (const end of ["\n", "\r\n", " # and some more about it\n"]) {
    const text = lines.map((line) => line + end).join("");
    assertAgrees(
      () => readFeed("plain", text, {}, [1000, 100_000, 300_000]),
      naiveLines("plain", text),
      true,
    );
  }
  const records = lines.map((ipAddress, at) => ({ ipAddress, abuseConfidenceScore: at % 101 }));
  const expected = naiveContent(
    records.map(({ ipAddress, abuseConfidenceScore }) => ({
      text: ipAddress,
      level: abuseConfidenceScore,
    })),
  );
  assertAgrees(() => readFeed("auto", JSON.stringify({ data: records })), expected, false);
});

Deno.test("feeds: a text cut off anywhere is refused, or a part of the list", () => {
  for (const { name, format, text } of FEED_SAMPLES) {
    const bytes = bytesOf(text), whole = textsOf(readFeed(format, text));
    const isOneDocument = /^\s*[[{]/.test(text) && format !== "spamhaus_json";
    for (let length = 0; length < text.trimEnd().length; length++) {
      const head = new TextDecoder().decode(bytes.subarray(0, length));
      const said = attempt(() => readFeed(format, bytes.subarray(0, length)));
      if (typeof said === "string") continue;
      assert.ok(!isOneDocument, `${name}, ${length} bytes: cut JSON was taken`);
      // Of the last line, what stands there; of the others, what the whole text says.
      const open = naiveLines("plain", head.slice(head.lastIndexOf("\n") + 1)).entries;
      const part = naiveLines("plain", head).entries.map(([one]) => one);
      for (const one of textsOf(said)) {
        const isThere = whole.includes(one) || part.includes(one) ||
          open.some(([last]) => last === one);
        assert.ok(isThere, `${name}, ${length} bytes: ${one}`);
      }
    }
  }
});
