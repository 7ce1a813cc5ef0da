/** docs/reliability.md names tests: they must exist. */
import { deepEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "./support/pfw.ts";

/** A fault's row: the last cell holds a file and, after a colon, a test's name. */
const ROW = /^\|.*\| `(tests\/\S+_test\.ts)`(?:: (.+?))? \|$/;

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** The name as it stands in the source: `…` for anything, quotes perhaps escaped. */
function namePattern(name: string): RegExp {
  const parts = name.split("…").map((part) => escaped(part).replaceAll('"', '\\\\?"'));
  return new RegExp(`["\`]${parts.join("\\$\\{\\w+\\}")}["\`]`);
}

Deno.test("every test that docs/reliability.md names exists", () => {
  const text = Deno.readTextFileSync(join(ROOT, "docs/reliability.md"));
  const rows = text.split("\n").filter((line) =>
    /^\| /.test(line) && !/^\| what happens/.test(line)
  );
  ok(rows.length > 25);
  const missing = rows.filter((row) => {
    const [, file, name] = ROW.exec(row) ?? [];
    if (!file) return true;
    const source = Deno.readTextFileSync(join(ROOT, file));
    return name !== undefined && !namePattern(name).test(source);
  });
  deepEqual(missing, []);
});
