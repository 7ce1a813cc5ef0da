import { deepEqual, equal } from "node:assert/strict";
import { FloodWatch } from "../engine/flood_watch.ts";
import type { ReasonCode } from "../engine/policy/verdict.ts";

const counted = (packets: number, reason: ReasonCode = "threat") => ({
  drops: [{ reason, ruleId: undefined, packets, bytes: 60 * packets }],
  allows: [],
});

Deno.test("a flood is told by its rate, and is over a minute after the last of it", () => {
  const watch = new FloodWatch();
  equal(watch.see(counted(1_000_000), 0), false, "what was counted before is no flood");
  equal(watch.see(counted(1_024_000), 5_000), false);
  equal(watch.see(counted(1_050_000), 10_000), true);
  equal(watch.see(counted(1_053_000), 15_000), true, "as long as it goes on a little");
  equal(watch.see(counted(1_053_100), 74_900), true);
  equal(watch.see(counted(1_053_110), 75_100), false);
  equal(watch.see(counted(1_056_000), 80_000), false, "a little does not begin one");
});

Deno.test("only what threat lists block is a flood of theirs", () => {
  const watch = new FloodWatch();
  deepEqual([0, 5_000, 10_000].map((now) => watch.see(counted(now * 100, "blacklist"), now)), [
    false,
    false,
    false,
  ]);
});
