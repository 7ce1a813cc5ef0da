/** docs/configuration.md names every key with its default, and what it shows is right. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { checkConfig } from "../../engine/policy/config.ts";
import { configurationKeys } from "../support/configuration_keys.ts";
import { fencedBlocks } from "../support/markdown.ts";
import { ROOT } from "../support/pfw.ts";

const page = Deno.readTextFileSync(join(ROOT, "docs/configuration.md"));

/** The rows of the page's tables: key, default, what it takes, meaning. */
function rows(): string[][] {
  const lines = page.split("\n").filter((line) => /^\| `/.test(line));
  return lines.map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()));
}

Deno.test("configuration page: every key with its default, and none that does not exist", () => {
  const described = Object.fromEntries(rows().map(([key, fallback]) => [key, fallback]));
  equal(rows().length, Object.keys(described).length, "no key twice");
  // A section is described by what is in it.
  const keys = configurationKeys().filter(({ schema }) => !schema.properties);
  const wanted = Object.fromEntries(keys.map(({ path, schema }) => {
    const isRequired = schema.default === undefined && path !== "$schema";
    const none = isRequired ? "required" : "none";
    const text = schema.default === undefined ? none : `\`${JSON.stringify(schema.default)}\``;
    return [`\`${path}\``, text];
  }));
  deepEqual(described, wanted);
});

Deno.test("configuration page: every row says what the key takes", () => {
  for (const cells of rows()) {
    equal(cells.length, 4, cells.join(" | "));
    ok(cells[2].length > 0, cells[0]);
  }
});

for (const file of ["README.md", "docs/configuration.md"]) {
  Deno.test(`configuration page: the configurations that ${file} shows are right`, () => {
    const blocks = fencedBlocks(Deno.readTextFileSync(join(ROOT, file)), "json");
    ok(blocks.length > 0);
    for (const { text, line } of blocks) {
      const checked = checkConfig(text);
      ok(checked.ok, `${file}, line ${line}: ${checked.ok || checked.problems[0].message}`);
    }
  });
}
