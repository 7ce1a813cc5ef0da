/** What is no feed, or not all of one, is refused with the reason. */
import assert from "node:assert/strict";
import { FEED_FORMATS, type FeedFormat } from "../../intel/feed.ts";
import { FeedReader } from "../../intel/feed_reader.ts";
import { LONGEST_LINE } from "../../intel/formats/lines.ts";
import { attempt, bytesOf, readFeed, textsOf } from "./reading.ts";

async function compressed(format: CompressionFormat, text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream(format));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function utf16(text: string, isLittle: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * text.length));
  for (let at = 0; at < text.length; at++) view.setUint16(2 * at, text.charCodeAt(at), isLittle);
  return new Uint8Array(view.buffer);
}

const LIST = "5.9.10.11\n5.9.10.12\n5.9.10.13\n";

const foreign: readonly (readonly [string, string | Uint8Array, string])[] = [
  ["nothing", "", "is empty"],
  ["a byte order mark alone", "\ufeff", "is empty"],
  ["blanks", " \r\n\t\n", "is empty"],
  ["a page", "\n <!DOCTYPE html>\n<html><body>5.9.10.11\n</body></html>", "is an HTML page"],
  ["a page without a doctype", "<HTML><p>5.9.10.11", "is an HTML page"],
  ["XML", '<?xml version="1.0"?>\n<Error/>', "is HTML or XML"],
  ["gzip", await compressed("gzip", LIST), "is gzip data"],
  ["zip", bytesOf("PK\x03\x04\x14\0"), "is a zip archive"],
  ["zstd", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 4), "is zstd data"],
  ["UTF-16", utf16(`\ufeff${LIST}`, true), "is UTF-16 text"],
  ["UTF-16, the other way round", utf16(`\ufeff${LIST}`, false), "is UTF-16 text"],
  ["UTF-16 without a mark", utf16(LIST, true), "is binary, not text"],
  ["a program", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0), "is binary, not text"],
];
for (const [name, input, reason] of foreign) {
  Deno.test(`feeds: ${name} is refused under every form`, () => {
    for (const format of ["auto", ...FEED_FORMATS] as const) {
      assert.equal(attempt(() => readFeed(format, input)), reason, format);
    }
  });
}

const unknown: readonly (readonly [string, FeedFormat | "auto", string, string | RegExp])[] = [
  ["prose", "auto", "There is nothing here.\n", "is text of a form that is not known"],
  ["domains", "auto", "a.example\nb.example\n", "is text of a form that is not known"],
  ["prose, named", "plain", "not\nhere\n", "is not read as plain: 2 of 2 lines are no addresses"],
  ["one word", "plain", "forbidden", "is not read as plain: 1 of 1 lines is no address"],
  [
    "mostly prose",
    "plain",
    `5.9.10.11\n5.9.10.12\n${"no\n".repeat(411)}`,
    "is not read as plain: 411 of 413 lines are no addresses",
  ],
  ["a list without counts", "ipsum", LIST, "is plain, not ipsum"],
  ["JSON of another form", "auto", '{"a":[1]}', "is JSON of a form that is not known"],
  ["an error in JSON", "abuseipdb", '{"errors":[{"status":401}]}', 'has no "data" in its JSON'],
  ["JSON under a form of lines", "plain", '{"a":[1]}', "is JSON, not plain"],
  ["lines under a form of JSON", "crowdsec", "hello\n", "is text, not crowdsec"],
  [
    "a list of texts",
    "feodo_json",
    '["5.9.10.11","5.9.10.12"]',
    "is not read as feodo_json: 2 of 2 records are no addresses",
  ],
  ["damaged JSON", "auto", '[{"ip_address":"5.9.10.11"},,]', /^is not valid JSON: /],
  ["JSON that goes on", "auto", '[{"ip_address":"5.9.10.11"}] []', /^is not valid JSON: more/],
  ["JSON with a comma too many", "auto", '[{"ip_address":"5.9.10.11"},]', /a right bracket is out/],
  ["JSON with a name missing", "auto", '{"new":[],}', /a right brace is out of place/],
  ["JSON with an unquoted name", "auto", '{new:[{"value":"5.9.10.11"}]}', /^is not valid JSON: /],
  ["a table of something else", "feodo_csv", '"a","b"\n"1","2"\n', "has no column dst_ip"],
];
for (const [name, format, text, reason] of unknown) {
  Deno.test(`feeds: ${name} (${format}) is refused`, () => {
    const said = attempt(() => readFeed(format, text));
    if (typeof reason === "string") assert.equal(said, reason);
    else assert.match(String(said), reason);
  });
}

const cut: readonly (readonly [string, FeedFormat | "auto", string, string])[] = [
  ["fewer than its last line says", "auto", `${LIST}# END 5 entries\n`, "3 of 5 entries"],
  [
    "fewer rows than its last line says",
    "auto",
    '"dst_ip"\n"5.9.10.11"\n# END (2) entries\n',
    "1 of 2 entries",
  ],
  [
    "fewer than its metadata says",
    "auto",
    '{"cidr":"5.9.10.0/24"}\n{"type":"metadata","records":2}\n',
    "1 of 2 entries",
  ],
  ["an address cut short", "auto", `${LIST}5.9.1`, "its last line is incomplete"],
  ["a count missing", "ipsum", "5.9.10.11\t3\n5.9.10.1", "its last line is incomplete"],
  ["a list that does not end", "auto", '[{"ip_address":"5.9.10.11"},', "its JSON does not end"],
  [
    "NDJSON within a record",
    "auto",
    '{"cidr":"5.9.10.0/24"}\n{"cidr":"5.9.11.0/24"',
    "its JSON does not end",
  ],
  ["JSON that ends within a text", "auto", '[{"ip_address":"5.9.', "its JSON does not end"],
];
for (const [name, format, text, reason] of cut) {
  Deno.test(`feeds: ${name} is refused as cut off`, () => {
    assert.equal(attempt(() => readFeed(format, text)), `is cut off: ${reason}`);
  });
}

Deno.test("feeds: more entries than the end marker says are refused as well", () => {
  const said = attempt(() => readFeed("auto", `${LIST}# END 2 entries\n`));
  assert.equal(said, "is damaged: 3 entries, where it says 2");
});

Deno.test("feeds: two lists with end markers may follow each other", () => {
  const { list } = readFeed("auto", `${LIST}# END 3 entries\n5.9.10.14\n# END 1 entries\n`);
  assert.equal(list.size, 4);
});

Deno.test("feeds: an overlong line is one malformed line, and the others count", () => {
  for (const length of [LONGEST_LINE + 1, 70_000, 200_000]) {
    const content = readFeed("plain", `${LIST}${"5".repeat(length)}\n5.9.10.14\n${LIST}`);
    assert.deepEqual(textsOf(content), ["5.9.10.11", "5.9.10.12", "5.9.10.13", "5.9.10.14"]);
    assert.deepEqual(content.refused, { malformed: 1 });
  }
  for (let blanks = LONGEST_LINE - 10; blanks < LONGEST_LINE - 7; blanks++) {
    const line = `5.9.10.14${" ".repeat(blanks)}\n`, isTooLong = line.length - 1 > LONGEST_LINE;
    // Also where it begins in what is read at a time, and ends in the next.
    for (const before of [0, 64_000, 65_500, 65_535]) {
      const { refused } = readFeed("plain", `${LIST}${"\n".repeat(before)}${line}`);
      assert.deepEqual(refused, isTooLong ? { malformed: 1 } : {});
    }
  }
});

Deno.test("feeds: comments without end do not hide the form that comes after them", () => {
  for (let length = 60_000; length < 65_000; length += 1000) {
    const text = `# ${"about\n# ".repeat(length / 8)}\n${"5.9.10.11\t3\n".repeat(10)}`;
    assert.equal(readFeed("auto", text).format, "ipsum");
  }
  // However the first line is cut by the end of what is looked at.
  for (let length = 65_520; length < 65_540; length++) {
    const text = `#${"\n".repeat(length)}5.9.10.11\t3\n5.9.10.12\t3\n`;
    assert.deepEqual([...readFeed("ipsum", text).levels], [3, 3]);
  }
});

Deno.test("feeds: JSON that is too deep, or has endless names or values, is refused", () => {
  const deep = `[{"ip_address":"5.9.10.11","x":${"[".repeat(200_000)}`;
  assert.equal(attempt(() => readFeed("auto", deep)), "has JSON that is nested too deeply");
  const name = `[{"ip_address":"5.9.10.11","${"n".repeat(1000)}":1}]`;
  assert.equal(attempt(() => readFeed("auto", name)), "has JSON with overlong names");
  const value = `[{"ip_address":"5.9.10.11","x":"${"v".repeat(200_000)}"}]`;
  const reason = "has more than 32768 bytes of JSON in one value";
  assert.equal(attempt(() => readFeed("auto", value)), reason);
  assert.equal(attempt(() => readFeed("auto", value.replaceAll("v", "7"))), reason);
});

Deno.test("feeds: a zero byte far into a list is binary", () => {
  assert.equal(attempt(() => readFeed("plain", `${LIST.repeat(9000)}\0`)), "is binary, not text");
});

Deno.test("feeds: after an error the reader goes on saying it", () => {
  const reader = new FeedReader("plain");
  const page = bytesOf(`<html>${" ".repeat(70_000)}`);
  assert.equal(attempt(() => (reader.write(page), reader.end())), "is an HTML page");
  assert.equal(attempt(() => (reader.write(bytesOf(LIST)), reader.end())), "is an HTML page");
});
