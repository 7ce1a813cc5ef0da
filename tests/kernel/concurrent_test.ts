/** Commands that change the policy at the same time, beside a running pfw: the kernel has all. */
import { deepEqual, equal, match } from "node:assert/strict";
import {
  addedThings,
  changingWords,
  ConfigReader,
  runTogether,
  thingsOf,
} from "../support/many_changes.ts";
import { kernelTest, NetworkNamespace } from "../support/netns.ts";
import { runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const COMMANDS = 40, AT_ONCE = 8;

kernelTest(
  "rules and addresses added at the same time: each is in the kernel when its command ends",
  async () => {
    await using namespace = await NetworkNamespace.create();
    await using sandbox = new Sandbox();
    sandbox.writeConfig({ threat_feeds: [] });
    await using pfw = await startPfw(namespace, sandbox);
    const reader = new ConfigReader(sandbox);
    await runTogether(changingWords(COMMANDS), AT_ONCE, async (words) => {
      const run = await runPfw(namespace, sandbox, words);
      equal(run.code, 0, `${words.join(" ")}: ${run.err}`);
      match(run.out, /: in the kernel now \(\d+ ms\)\n$/);
      // Asked at once, while the others go on.
      const [noun, , what] = words;
      if (noun === "blacklist") await namespace.run(["ipset", "test", "pfw-black4", what]);
      else match(await namespace.run(["iptables-save"]), portPattern(words.at(-1)!));
      return run;
    });
    await reader.stop();
    deepEqual(reader.problems, []);
    deepEqual(addedThings(sandbox.readConfig()), thingsOf(COMMANDS));
    for (const words of changingWords(COMMANDS).filter(([noun]) => noun === "rules")) {
      match(await namespace.run(["iptables-save"]), portPattern(words.at(-1)!));
    }
    const { rules } = JSON.parse((await sandbox.pfw("rules", "list", "--json")).out);
    equal(rules.length, COMMANDS / 2);
    equal((await pfw.end()).code, 0);
  },
);

/** The rule of a destination port, in the text of iptables. */
function portPattern(port: string): RegExp {
  return new RegExp(`^-A PFW-(?:NEXT-)?IN\\S* .*\\b${port}\\b.* -j PFW-D-`, "m");
}
