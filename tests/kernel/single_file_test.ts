/** The built file alone: copied into an empty directory, with an environment that holds only PATH. */
import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { createPair, firewallText, kernelTest } from "../support/netns.ts";
import { pfwCommand } from "../support/pfw.ts";
import { Probes } from "../support/probes.ts";
import { runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { SCENES } from "../support/scenes.ts";

async function enforceAlone(test: Deno.TestContext): Promise<void> {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  const { config, dataDir, logDir, runDir } = sandbox.paths;
  const folder = sandbox.path("elsewhere");
  await Deno.mkdir(folder);
  const file = join(folder, "pfw");
  await Deno.copyFile(pfwCommand().argv[0], file);
  const options = { file, cwd: folder, through: ["env", "-i", `PATH=${Deno.env.get("PATH")}`] };
  const flags = ["--config", config, "--data-dir", dataDir, "--log-dir", logDir];
  flags.push("--run-dir", runDir);
  const before = await firewallText(link.local);
  const scenes = SCENES.filter(({ name }) => /^(a TCP port|a blacklist|the whitelist)/.test(name));
  sandbox.writeConfig({});
  await using pfw = await startPfw(link.local, sandbox, flags, options);
  for (const { name, config, ...expected } of scenes) {
    await test.step(name, async () => {
      sandbox.writeConfig(config);
      equal((await runPfw(link.local, sandbox, ["reload", ...flags], options)).err, "");
      await probes.expect(expected);
    });
  }
  equal((await pfw.end()).code, 0);
  equal(await firewallText(link.local), before);
  match((await runPfw(link.local, sandbox, ["logs", ...flags], options)).out, /Blacklisted IP/);
  deepEqual(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["pfw"]);
}

const isBuilt = pfwCommand().kind === "built";
const name = "the file alone enforces, in an empty directory and an empty environment";
if (isBuilt) kernelTest(name, enforceAlone);
else Deno.test({ name: `${name} (left out: needs $PFW_BIN)`, ignore: true, fn: () => {} });
