import { equal, rejects } from "node:assert/strict";
import { DropPrefixes } from "../../engine/drop_prefixes.ts";
import { Enforcer } from "../../engine/kernel/enforcer.ts";
import { KernelGuard } from "../../engine/kernel_guard.ts";
import { parsePrefix } from "../../engine/net/address.ts";
import { EventDetails } from "../../engine/observe/event_details.ts";
import { Losses } from "../../engine/observe/losses.ts";
import { Totals } from "../../engine/observe/totals.ts";
import { EMPTY_POLICY } from "../../engine/policy/policy.ts";

Deno.test("bans wait for the first policy, and come to nothing once the end has begun", async () => {
  const runs: string[] = [];
  const enforcer = new Enforcer({
    commands: {
      run: (argv) => {
        runs.push(argv[0]);
        return Promise.resolve({ status: 1, stdout: "", stderr: "no kernel here\n" });
      },
    },
    nflogGroup: 77,
    stateFile: "/nonexistent/tables.json",
  });
  const ignore = () => {};
  const log = { warn: ignore, error: ignore };
  const guard = new KernelGuard({
    enforcer,
    prefixes: new DropPrefixes(new EventDetails()),
    totals: new Totals(),
    losses: new Losses(),
    log,
  });
  const prefix = parsePrefix("192.0.2.1")!;
  guard.setBans([{ prefix, until: Date.now() + 60_000 }]);
  await guard.changeBans([], [prefix]);
  equal(runs.length, 0);
  await rejects(guard.apply(EMPTY_POLICY), /no kernel here/);
  await guard.stop();
  await rejects(guard.changeBans([], [prefix]), /cannot change the bans: pfw is stopping/);
  await rejects(guard.apply(EMPTY_POLICY), /cannot apply a policy: pfw is stopping/);
});
