/** The C program of the replay benchmark takes the decisions that pfw takes. */
import assert from "node:assert/strict";
import { compile, compileObstacle, Decider } from "../../bench/c_programs.ts";
import { readBlacklist } from "../../bench/blacklist.ts";
import { capture, HOST_V4, HOST_V6 } from "../../bench/captures.ts";
import { PfwHome } from "../../bench/pfw_under_test.ts";
import { manyRules, TWENTY_RULES } from "../../bench/rules.ts";
import { RATE_LIMIT } from "../../bench/threat_home.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { buildPolicy } from "../../engine/policy/build_policy.ts";
import { configSchema } from "../../engine/policy/schema.ts";
import { replay } from "../../engine/replay.ts";
import { hasLibpcap } from "../support/capture_reader.ts";

const PACKETS = 400_000;
const obstacle = hasLibpcap ? compileObstacle() : "needs libpcap";

Deno.test({
  name: `bench: the C program decides as pfw does${obstacle ? ` (left out: ${obstacle})` : ""}`,
  ignore: obstacle !== undefined,
  async fn(test) {
    const directory = Deno.makeTempDirSync();
    try {
      const { addresses } = readBlacklist(), prefixes = addresses.slice(0, 20_000);
      const blacklist = { addresses: prefixes, source: "a part" };
      const file = capture({ directory, blacklist, say: () => {} }, PACKETS);
      const program = await compile({ directory }, "decide");
      for (const rules of [TWENTY_RULES, manyRules(100), []]) {
        await test.step(`${rules.length} rules`, async () => {
          using home = new PfwHome(directory, []);
          const threats = `${home.directory}/feed.txt`;
          Deno.writeTextFileSync(threats, prefixes.join("\n") + "\n");
          const decider = new Decider(program, { home, threats }, rules);
          const config = configSchema.parse({
            rules,
            rate_limit: { enabled: true, ...RATE_LIMIT },
          });
          const policy = buildPolicy(config, { threats: PrefixList.parse(prefixes) });
          const own = [HOST_V4, HOST_V6];
          const pfw = await replay({ file: file.path, policy, own });
          const c = await decider.run(file);
          assert.deepEqual(c.byReason, pfw.byReason);
          // Otherwise the same capture would have to show what it does not hold.
          for (const reason of ["threat", "rate_limit"]) assert.ok(reason in pfw.byReason, reason);
          const again = await replay({ file: file.path, policy, own });
          assert.deepEqual(again.byReason, pfw.byReason, "the same file, the same verdicts");
        });
      }
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
});
