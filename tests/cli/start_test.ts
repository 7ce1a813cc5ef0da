/** `pfw start` where it cannot be. What it does to a kernel is for the tests with namespaces. */
import { deepEqual, match } from "node:assert/strict";
import { Sandbox } from "../support/sandbox.ts";
import { AS_NOBODY, nobodyProblem } from "./transcripts/play.ts";

Deno.test({
  name: `pfw start: the run directory of somebody else${nobodyProblem && ` (${nobodyProblem})`}`,
  ignore: nobodyProblem !== "",
  fn: async () => {
    await using box = new Sandbox();
    Deno.mkdirSync(box.paths.runDir);
    // Without a right of root even who owns it cannot open it.
    Deno.writeTextFileSync(box.paths.lock, "1\n", { mode: 0 });
    const through = Deno.uid() === 0 ? AS_NOBODY : [];
    const { code, out, err } = await box.pfwThrough(through, "", ["start", "--monitor"]);
    deepEqual([code, out], [4, ""], err);
    match(err, /^pfw: cannot lock .*pfw\.lock: permission denied; run it with sudo, or .*\n$/);
  },
});
