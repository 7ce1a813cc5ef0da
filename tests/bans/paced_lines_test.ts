import assert from "node:assert/strict";
import { PacedLines } from "../../engine/bans/paced_lines.ts";

Deno.test("what an attacker causes is said now and then, and counted in between", () => {
  const said: string[] = [];
  const lines = new PacedLines((text) => said.push(text), (unsaid) => `${unsaid} more`);
  const pass = (seconds: number, each: () => void) => {
    for (let second = 0; second < seconds; second++) {
      each();
      lines.tick();
    }
  };
  pass(3_600, () => {
    for (let line = 0; line < 128; line++) lines.say("banned");
  });
  const count = said.filter((text) => text === "banned").length;
  assert.equal(count, 60 + 3_599, "60 at once, then one a second");
  const summaries = said.filter((text) => text.endsWith(" more")).map((text) => parseInt(text));
  assert.equal(summaries.length, 60, "one a minute");
  assert.equal(count + summaries.reduce((sum, unsaid) => sum + unsaid, 0), 3_600 * 128);
  said.length = 0;
  pass(120, () => {});
  lines.say("again");
  assert.deepEqual(said, ["again"], "nothing more is left out after the flood");
});
