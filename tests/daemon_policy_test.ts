/** Changes of what is enforced: one after another, and none behind the back of the end. */
import { deepEqual, rejects } from "node:assert/strict";
import { DaemonPolicy, type PolicyParts } from "../engine/daemon_policy.ts";

Deno.test("daemon policy: what comes once the end has begun is refused, what is under way is waited for", async () => {
  const done: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const change = async (mode: string) => {
    await promise;
    done.push(mode);
    return true;
  };
  // Nothing else is asked by a change of the mode.
  const policy = new DaemonPolicy({
    enforcement: { change },
    intel: {},
    matcher: {},
    listeners: { changed: () => {} },
    log: { error: () => {} },
  } as unknown as PolicyParts);
  const underWay = policy.setMode("monitor");
  await Promise.resolve();
  const waits = rejects(policy.setMode("enforce"), /pfw is stopping/);
  const ending = policy.end().then(() => done.push("end"));
  const late = rejects(policy.setMode("enforce"), /pfw is stopping/);
  const reload = rejects(policy.reload(), /pfw is stopping/);
  resolve();
  await Promise.all([underWay, waits, ending, late, reload]);
  deepEqual(done, ["monitor", "end"]);
});
