/** What becomes of the rules when pfw ends is said as it is: nothing is kept where nothing was enforced. */
import { deepEqual, equal, match } from "node:assert/strict";
import { firewallText, kernelTest, NetworkNamespace } from "../support/netns.ts";
import { runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const KEEP = { on_exit: "keep", blacklist_ips: ["192.0.2.1"] };

kernelTest("a pfw that only looked on keeps nothing, whatever on_exit says", async () => {
  await using namespace = await NetworkNamespace.create();
  await using box = new Sandbox();
  box.writeConfig(KEEP);
  const before = await firewallText(namespace);
  await using pfw = await startPfw(namespace, box, ["--monitor"]);
  const { code, out } = await runPfw(namespace, box, ["stop"]);
  deepEqual([code, out], [0, "pfw stopped; the kernel is as it was before\n"]);
  const { err } = await pfw.ended;
  equal(err, "");
  equal(await firewallText(namespace), before);
});

kernelTest("rules that an earlier pfw kept stay when one that only looked on ends", async () => {
  await using namespace = await NetworkNamespace.create();
  await using box = new Sandbox();
  box.writeConfig(KEEP);
  await using enforcing = await startPfw(namespace, box);
  match((await runPfw(namespace, box, ["stop"])).out, /^pfw stopped; the kernel goes on enforcing/);
  equal((await enforcing.ended).code, 0);
  const kept = await firewallText(namespace);
  await using looking = await startPfw(namespace, box, ["--monitor"]);
  const { out } = await runPfw(namespace, box, ["stop", "--json"]);
  deepEqual(JSON.parse(out), { stopped: true, running: false, onExit: "remove" });
  equal((await looking.ended).code, 0);
  equal(await firewallText(namespace), kept);
});
