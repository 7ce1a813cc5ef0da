/** What the configuration says is what packets meet: policy, probe, expected. */
import { equal } from "node:assert/strict";
import { createPair, kernelTest } from "../support/netns.ts";
import { Probes } from "../support/probes.ts";
import { startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { SCENES } from "../support/scenes.ts";

kernelTest("packets pass and stop as the configuration says", async (test) => {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  await using _pfw = await startPfw(link.local, sandbox);
  for (const { name, config, ...expected } of SCENES) {
    await test.step(name, async () => {
      sandbox.writeConfig(config);
      equal((await sandbox.pfw("reload")).err, "");
      await probes.expect(expected);
    });
  }
});
