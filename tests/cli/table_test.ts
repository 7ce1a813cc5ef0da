import assert from "node:assert/strict";
import fc from "fast-check";
import { formatCount, printable, renderTable } from "../../cli/output.ts";
import { fitText, padText, textWidth, wrapText } from "../../cli/text_width.ts";

const COLUMNS = [
  { title: "#", align: "right" },
  { title: "address" },
  { title: "name", shrinkTo: 8 },
  { title: "hits", align: "right" },
] as const;

const ROWS = [
  ["1", "203.0.113.7", "short", "12"],
  ["10", "2001:db8:1234:5678::1", "a name that is too long for the screen", "1,234,567"],
];

Deno.test("a table that fits is left alone, as in a pipe", () => {
  const whole = ` #  address                name                                         hits
 1  203.0.113.7            short                                          12
10  2001:db8:1234:5678::1  a name that is too long for the screen  1,234,567`;
  assert.equal(renderTable(COLUMNS, ROWS, Infinity), whole);
  assert.equal(renderTable(COLUMNS, ROWS, 76), whole);
});

Deno.test("a named column gives way, addresses and numbers stay whole", () => {
  assert.equal(
    renderTable(COLUMNS, ROWS, 60),
    ` #  address                name                         hits
 1  203.0.113.7            short                          12
10  2001:db8:1234:5678::1  a name that is too lo…  1,234,567`,
  );
});

Deno.test("where nothing more can give way, rows are broken between columns", () => {
  assert.equal(
    renderTable(COLUMNS, ROWS, 40),
    ` #  address                name
    hits
 1  203.0.113.7            short
           12
10  2001:db8:1234:5678::1  a name that …
    1,234,567`.replace("    hits", "         hits"),
  );
});

Deno.test("short titles come first, then columns that say nothing go", () => {
  const columns = [{ title: "direction", shortTitle: "dir" }, { title: "source", omit: "any" }];
  assert.equal(renderTable(columns, [["in", "any"]], 17), "direction  source\nin         any");
  assert.equal(renderTable(columns, [["in", "any"]], 16), "dir  source\nin   any");
  assert.equal(renderTable(columns, [["in", "any"]], 8), "dir\nin");
  assert.equal(
    renderTable(columns, [["in", "any"], ["out", "::1"]], 11),
    "dir  source\nin   any\nout  ::1",
  );
});

Deno.test("the widest of several columns gives way first", () => {
  const columns = [{ title: "a", shrinkTo: 3 }, { title: "b", shrinkTo: 3 }];
  assert.equal(renderTable(columns, [["12345678", "1234"]], 10), "a     b\n123…  1234");
});

Deno.test("no table is wider than asked for where its columns can shrink", () => {
  const cell = fc.string({ unit: "grapheme", maxLength: 30 });
  const property = fc.property(
    fc.array(fc.tuple(cell, cell), { maxLength: 5 }),
    fc.integer({ min: 12, max: 80 }),
    (rows, width) => {
      const columns = [{ title: "x", shrinkTo: 5 }, { title: "y", shrinkTo: 5 }];
      const lines = renderTable(columns, rows, width).split("\n");
      assert.equal(lines.length, rows.length + 1, "one line a row");
      for (const line of lines) assert.ok(textWidth(line) <= width, JSON.stringify(line));
    },
  );
  fc.assert(property);
});

Deno.test("wide characters take two columns, marks and colours none", () => {
  assert.equal(textWidth("防火墙"), 6);
  assert.equal(textWidth("e\u0301"), 1);
  assert.equal(textWidth("\x1b[31mred\x1b[0m"), 3);
  assert.equal(padText("防", 4) + "|", "防  |");
  assert.equal(padText("1", 3, "right"), "  1");
  assert.equal(fitText("防火墙", 5), "防火…");
  assert.equal(fitText("防火墙", 4), "防…");
  assert.equal(fitText("\x1b[31mlong red\x1b[0m", 5), "\x1b[31mlong…\x1b[0m");
  assert.equal(fitText("fits", 4), "fits");
});

Deno.test("counts get their commas", () => {
  for (const count of [0, 7, 999, 1_000, 12_345, 999_999, 1_234_567, 9_007_199_254_740_991]) {
    assert.equal(formatCount(count), count.toLocaleString("en-US"));
  }
  assert.equal(formatCount(999.6), "1,000");
  assert.equal(formatCount(-1_234), "-1,234");
});

Deno.test("nothing in a cell drives the terminal or turns the text around", () => {
  assert.equal(printable("a\x1b]0;x\x07b"), "a\\x1b]0;x\\x07b");
  assert.equal(printable("\u202etxt.exe\u2066"), "\\u202etxt.exe\\u2066");
  assert.equal(renderTable([{ title: "n" }], [["a\nb"]], 80), "n\na b");
});

Deno.test("text is broken at blanks, and only where a line would be too long", () => {
  assert.deepEqual(wrapText("the old list was kept", 12), ["the old list", "was kept"]);
  assert.deepEqual(wrapText("see /var/lib/personal-firewall now", 10), [
    "see",
    "/var/lib/personal-firewall",
    "now",
  ]);
  assert.deepEqual(wrapText("", 10), [""]);
  const word = fc.stringMatching(/^[a-z,:]{1,15}$/).map((text) => `\x1b[31m${text}\x1b[0m`);
  fc.assert(fc.property(fc.array(word), fc.nat(40), (words, width) => {
    const lines = wrapText(words.join(" "), width);
    assert.equal(lines.join(" "), words.join(" "));
    for (const [at, line] of lines.entries()) {
      assert.ok(textWidth(line) <= width || !line.includes(" "), line);
      const next = lines[at + 1]?.split(" ")[0];
      if (next !== undefined) assert.ok(textWidth(`${line} ${next}`) > width, "broken too early");
    }
  }));
  assert.deepEqual(wrapText("a pipe has no end", Infinity), ["a pipe has no end"]);
});

Deno.test("where rows are broken, names take the room that their line has", () => {
  const columns = [{ title: "source" }, { title: "dest" }, { title: "name", shrinkTo: 4 }];
  const rows = [["2001:db8:1234:5678::/64", "203.0.113.0/24", "a long name for a rule"]];
  assert.equal(
    renderTable(columns, rows, 40),
    `source                   dest
    name
2001:db8:1234:5678::/64  203.0.113.0/24
    a long name for a rule`,
  );
});
