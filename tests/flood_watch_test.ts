import { deepEqual, equal } from "node:assert/strict";
import { FloodWatch } from "../engine/flood_watch.ts";

Deno.test("a flood is told by its rate, and is over a minute after the last of it", () => {
  const watch = new FloodWatch();
  equal(watch.see(1_000_000, 0), false, "what was reported before is no flood");
  equal(watch.see(1_000_990, 200), false);
  equal(watch.see(1_001_990, 400), true);
  equal(watch.see(1_002_100, 600), true, "as long as it goes on a little");
  equal(watch.see(1_002_190, 60_500), true);
  equal(watch.see(1_002_195, 60_700), false);
  equal(watch.see(1_002_395, 60_900), false, "a little does not begin one");
});

Deno.test("a flood is met within two looks, however often it is looked for", () => {
  const watch = new FloodWatch();
  const looks = Array.from({ length: 60 }, (_, at) => watch.see(at * 100, at * 10));
  deepEqual([looks.indexOf(true), looks.lastIndexOf(false)], [20, 19]);
});
