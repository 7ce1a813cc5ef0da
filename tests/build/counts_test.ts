import assert from "node:assert/strict";
import { countsText, denoCounts, suiteCounts } from "../../build/counts.ts";

const cases: Record<string, [text: string, exitCode: number, counts: string]> = {
  "a plain run": ["ok | 12 passed | 0 failed (3s)\n", 0, "12 passed, 0 failed, 0 skipped"],
  "steps and ignored tests": [
    "ok | 12 passed (3 steps) | 0 failed | 3 ignored (2s)\n",
    0,
    "12 passed, 0 failed, 3 skipped",
  ],
  "failed steps": [
    "FAILED | 1 passed (2 steps) | 1 failed (1 step) | 4 ignored | 2 filtered out (5ms)\n",
    1,
    "1 passed, 1 failed, 4 skipped",
  ],
  "colours": [
    "\x1b[0m\x1b[32mok\x1b[0m | 7 passed | 0 failed \x1b[0m\x1b[38;5;245m(2ms)\x1b[0m\n",
    0,
    "7 passed, 0 failed, 0 skipped",
  ],
  "a test that prints a summary of its own": [
    "ok | 999 passed | 0 failed (1s)\nmore\nok | 2 passed | 0 failed (1s)\n",
    0,
    "2 passed, 0 failed, 0 skipped",
  ],
  "a type error: no summary": [
    "error: Type checking failed.\n",
    1,
    "0 passed, 1 failed, 0 skipped",
  ],
  "an uncaught error after the tests": [
    "ok | 2 passed | 0 failed (1s)\nerror: leaked\n",
    1,
    "2 passed, 1 failed, 0 skipped",
  ],
};

for (const [name, [text, exitCode, expected]] of Object.entries(cases)) {
  Deno.test(`counts: ${name}`, () => {
    assert.equal(countsText(denoCounts(text, exitCode)), expected);
  });
}

Deno.test("counts: the suite's last line, a broken check, an end without one", () => {
  const line = "build: ok | 5 passed, 0 failed, 1 skipped\n";
  assert.equal(countsText(suiteCounts(line, 0)), "5 passed, 0 failed, 1 skipped");
  const broken = "build: failed: lint\nbuild: FAILED | 5 passed, 0 failed, 1 skipped\n";
  assert.equal(countsText(suiteCounts(broken, 1)), "5 passed, 1 failed, 1 skipped");
  assert.equal(countsText(suiteCounts("Killed\n", 137)), "0 passed, 1 failed, 0 skipped");
});
