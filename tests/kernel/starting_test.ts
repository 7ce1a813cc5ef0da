/** While pfw starts, and where its socket is gone, it runs: commands say so, and no change is lost. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { isSeen } from "../../engine/paths.ts";
import { kernelTest, NetworkNamespace } from "../support/netns.ts";
import { eventually, RunningPfw, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

/** So many addresses take it a second and more to start. */
const LONG = Array.from(
  { length: 200_000 },
  (_, at) => `10.${at >> 16}.${at >> 8 & 255}.${at & 255}`,
);

/** A pfw that holds its lock, and whose socket is not there yet. */
async function startingPfw(namespace: NetworkNamespace, box: Sandbox): Promise<RunningPfw> {
  const pfw = new RunningPfw(namespace, box, ["start"], {});
  // The log is opened once the lock is held and the configuration was read.
  await eventually(() => isSeen(box.paths.log), (is) => is);
  ok(!isSeen(box.paths.socket), "it is only starting");
  return pfw;
}

kernelTest("a change while pfw starts is in the kernel when the command returns", async () => {
  await using namespace = await NetworkNamespace.create();
  await using box = new Sandbox();
  box.writeConfig({ blacklist_ips: LONG });
  await using pfw = await startingPfw(namespace, box);
  const added = await runPfw(namespace, box, ["rules", "add", "R", "block", "--ports", "430"]);
  equal(added.code, 0, added.err);
  match(added.out, /^added rule \d+ "R": in the kernel now/);
  match(await namespace.run(["iptables-save"]), /--dports? 430 /);
  equal((await pfw.end()).code, 0);
});

kernelTest("status and stop while pfw starts speak of that one", async () => {
  await using namespace = await NetworkNamespace.create();
  await using box = new Sandbox();
  box.writeConfig({ blacklist_ips: LONG });
  await using pfw = await startingPfw(namespace, box);
  const [status, stopped] = await Promise.all([
    runPfw(namespace, box, ["status", "--json"]),
    (async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return await runPfw(namespace, box, ["stop"]);
    })(),
  ]);
  deepEqual([stopped.code, stopped.out], [0, "pfw stopped; the kernel is as it was before\n"]);
  // Asked a moment before; the end may have come first.
  if (JSON.parse(status.out).running) equal(JSON.parse(status.out).pid, pfw.pid);
  equal((await pfw.ended).code, 0);
});

kernelTest("a socket that was removed is made anew", async () => {
  await using namespace = await NetworkNamespace.create();
  await using box = new Sandbox();
  box.writeConfig({});
  await using pfw = await startPfw(namespace, box);
  Deno.removeSync(box.paths.socket);
  const added = await runPfw(namespace, box, ["blacklist", "add", "203.0.113.7"]);
  equal(added.code, 0, added.err);
  match(added.out, /in the kernel now/);
  // Once: the socket that was removed does not take the new one with it.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  equal(Deno.readTextFileSync(box.paths.log).split("pfw.sock was removed: made anew").length, 2);
  equal(Deno.statSync(box.paths.socket).mode! & 0o777, 0o600);
  equal((await runPfw(namespace, box, ["stop"])).code, 0);
  equal((await pfw.ended).code, 0);
});
