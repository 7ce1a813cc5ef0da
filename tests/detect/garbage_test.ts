import assert from "node:assert/strict";
import { join } from "node:path";

Deno.test("four million packets to the detectors make no garbage to collect", async () => {
  const few = await collections(500_000), many = await collections(4_500_000);
  assert.ok(few > 0, "the start makes some, so it can be seen");
  // A heap number for each packet would fill the young generation of 2 MB thirty times.
  assert.ok(many <= few + 2, `${many} collections, ${few} of them at the start`);
});

/** How often V8 collects garbage in a process that hands so many packets to detectors. */
async function collections(packets: number): Promise<number> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--allow-all",
      "--v8-flags=--trace-gc,--max-semi-space-size=2",
      join(import.meta.dirname!, "detector_load.ts"),
      String(packets),
    ],
  }).output();
  const lines = new TextDecoder().decode(stdout).split("\n");
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.ok(lines.includes("0"), "nobody may be found: that makes objects");
  return lines.filter((line) => /\b(Scavenge|Mark-Compact)\b/.test(line)).length;
}
