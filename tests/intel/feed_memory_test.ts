/** A hundred megabytes of anything: what the reader holds is bounded by the entries. */
import assert from "node:assert/strict";
import { FLOODS, type Held } from "./feed_flood.ts";

const MEGABYTE = 1 << 20;
/** None of these may hold more, in bytes. */
const MAY_HOLD = 8 * MEGABYTE;

const SCRIPT = new URL("./feed_flood.ts", import.meta.url).pathname;
const ARGS = ["run", "--quiet", "--allow-all", "--v8-flags=--expose-gc", SCRIPT];

for (const [at, one] of FLOODS.entries()) {
  Deno.test(`feeds: 100 MB of ${one.name} are not held`, async () => {
    const args = [...ARGS, `${at}`];
    const command = new Deno.Command(Deno.execPath(), { args, stderr: "inherit" });
    const { code, stdout } = await command.output();
    assert.equal(code, 0);
    const { kept, reason }: Held = JSON.parse(new TextDecoder().decode(stdout));
    if (one.reason) assert.match(reason ?? "taken as a list", one.reason);
    else assert.equal(reason, undefined);
    // Refused before the first megabyte was over, nothing was sampled.
    assert.ok(kept === null || kept < MAY_HOLD, `${Math.round(kept! / MEGABYTE)} MB`);
  });
}
