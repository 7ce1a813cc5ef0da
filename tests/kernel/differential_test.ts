/**
 * Kernel, rendered rules and matcher are of one mind. A short run from a fixed seed; `deno task
 * differential` is the long one, from another seed each time.
 */
import { deepEqual, ok } from "node:assert/strict";
import { runCampaign } from "../differential/campaign.ts";
import { readCorpus, shotsOf } from "../differential/corpus.ts";
import { differences, judge } from "../differential/differences.ts";
import { Lab } from "../differential/lab.ts";
import { kernelTestOnce } from "../support/netns.ts";

kernelTestOnce(
  "random packets under random policies: kernel, rules and matcher agree",
  async () => {
    await using lab = await Lab.create();
    const { totals, failure } = await runCampaign(lab, {
      policies: 30,
      conversations: 100,
      seed: 20_260_801,
    });
    deepEqual(failure?.differences, undefined);
    ok(totals.packets > 5000, `${totals.packets} packets`);
    ok(totals.fates.size >= 7, [...totals.fates.keys()].join(", "));
  },
);

kernelTestOnce("differences once found: the kernel still does what was written down", async () => {
  await using lab = await Lab.create();
  for (const [name, entry] of readCorpus()) {
    const policy = lab.fresh(entry.policy);
    const shots = shotsOf(entry);
    const kernel = await lab.fire(policy, shots);
    deepEqual(kernel.fates, entry.packets.map(({ expected }) => expected), name);
    deepEqual(differences({ ...judge(policy, shots), kernel }), [], name);
  }
});
