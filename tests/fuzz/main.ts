/** `deno task fuzz [--seconds N] [--seed N] [--only NAME]`: without --seconds until it is ended. */
import { parseArgs } from "node:util";
import { fuzz } from "./campaign.ts";
import { FUZZ_TARGETS } from "./targets.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { seconds: { type: "string" }, seed: { type: "string" }, only: { type: "string" } },
});
const targets = FUZZ_TARGETS.filter(({ name }) => !values.only || name === values.only);
if (targets.length === 0) {
  console.error(`no such target; there are ${FUZZ_TARGETS.map(({ name }) => name).join(", ")}`);
  Deno.exit(2);
}
const end = values.seconds ? performance.now() + 1000 * Number(values.seconds) : Infinity;
let seed = values.seed ? Number(values.seed) : crypto.getRandomValues(new Int32Array(1))[0];
for (let round = 1; performance.now() < end; round++, seed++) {
  for (const target of targets) {
    const inputs = fuzz(target, 5000, seed);
    console.log(`${target.name.padEnd(8)} seed ${seed}: ${inputs.toLocaleString("en-US")} inputs`);
  }
}
