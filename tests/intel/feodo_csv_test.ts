import assert from "node:assert/strict";
import fc from "fast-check";
import { csvFields } from "../../intel/formats/feodo_csv.ts";
import { naiveContent } from "./naive_feed.ts";
import { readFeed, textsOf } from "./reading.ts";

const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`;

Deno.test("feodo csv: quoted or plain, the fields are those that were written", () => {
  const field = fc.string().map((text) => text.replace(/[\r\n]/g, ""));
  fc.assert(
    fc.property(fc.array(fc.tuple(field, fc.boolean()), { minLength: 1 }), (fields) => {
      const line = fields.map(([text, isQuoted]) =>
        isQuoted || /[",]/.test(text) ? quoted(text) : text
      ).join(",");
      assert.deepEqual(csvFields(line), fields.map(([text]) => text));
    }),
  );
});

Deno.test("feodo csv: a quote out of place is no row", () => {
  for (const line of ['"a', 'a"b"', '"a"b,c', '"a""', 'a,"b']) {
    assert.equal(csvFields(line), undefined, line);
  }
});

Deno.test("feodo csv: the header says where the address stands, other rows are malformed", () => {
  const address = fc.tuple(fc.nat(255), fc.nat(255)).map(([a, d]) => `${a}.9.10.${d}`);
  const row = fc.record({ before: fc.nat(3), address, missing: fc.constantFrom(0, 0, 0, 0, 1) });
  fc.assert(fc.property(fc.nat(3), fc.array(row, { maxLength: 9 }), (column, rows) => {
    const line = (text: string, width: number) =>
      Array.from({ length: width }, (_, at) => quoted(at === column ? text : `x${at}`)).join(",");
    const good = rows.map(() => line("5.9.10.11", 5));
    const text = [
      line("dst_ip", 5),
      line("5.9.10.11", 5),
      ...good,
      ...rows.map(({ address, missing }) => line(address, 5 - missing)),
    ].map((one) => `${one}\r\n`).join("");
    const content = readFeed("auto", text);
    const expected = naiveContent([
      { text: "5.9.10.11" },
      ...rows.map(({ address, missing }) => missing ? null : { text: address }),
    ]);
    assert.equal(content.format, "feodo_csv");
    assert.deepEqual(textsOf(content), expected.entries.map(([one]) => one));
    assert.equal(content.refused.malformed, expected.refused.malformed);
  }));
});
