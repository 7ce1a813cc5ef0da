/** A firewall whose lines nobody can read, as on a full disk, protects all the same. */
import { equal } from "node:assert/strict";
import { kernelTest, NetworkNamespace } from "../support/netns.ts";
import { eventually, RunningPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

kernelTest("start protects where neither output can be written, and ends with 0", async () => {
  await using namespace = await NetworkNamespace.create();
  await using box = new Sandbox();
  box.writeConfig({ blacklist_ips: ["203.0.113.7"] });
  const through = ["sh", "-c", '"$@" >/dev/full 2>&1', "sh"];
  const words = ["start", "--dashboard", "127.0.0.1:8787"];
  await using pfw = new RunningPfw(namespace, box, words, { through });
  const status = await eventually(() => box.status(), ({ running }) => running);
  equal(status.mode, "enforce");
  equal((await box.pfw("blacklist", "add", "203.0.113.8")).code, 0);
  equal((await box.status()).running, true);
  equal((await box.pfw("stop")).code, 0);
  equal((await pfw.ended).code, 0);
});
