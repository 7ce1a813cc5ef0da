/** What the kernel enforces while no pfw does is said by `status` and `explain`: it is the truth. */
import { equal, match } from "node:assert/strict";
import { kernelTest, NetworkNamespace } from "../support/netns.ts";
import { runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const CONFIG = {
  on_exit: "keep",
  rules: [{ name: "No 8080", action: "block", protocol: "tcp", ports: [8080] }],
};

/** What a command prints, with blanks where lines were broken. */
async function said(namespace: NetworkNamespace, box: Sandbox, ...words: string[]) {
  const { code, out, err } = await runPfw(namespace, box, words);
  equal(code, 0, err);
  return words.includes("--json") ? JSON.parse(out) : out.replace(/\s+/g, " ");
}

kernelTest("rules that a crash left are told of, with what to do", async () => {
  await using namespace = await NetworkNamespace.create();
  await using box = new Sandbox();
  box.writeConfig(CONFIG);
  equal((await said(namespace, box, "status", "--json")).standingRules, "none");
  match(await said(namespace, box, "status"), /not running Start it with: sudo pfw start $/);
  await using pfw = await startPfw(namespace, box);
  equal("standingRules" in await said(namespace, box, "status", "--json"), false);
  await pfw.end("SIGKILL");
  equal((await said(namespace, box, "status", "--json")).standingRules, "left");
  match(
    await said(namespace, box, "status"),
    /not running But the kernel still enforces the rules of a pfw that is gone: `sudo pfw start` takes them over, `sudo pfw cleanup` removes them\. $/,
  );
  const explained = ["explain", "10.9.0.2", "--port", "8080"];
  match(
    await said(namespace, box, ...explained),
    / would be blocked: .* No pfw enforces this, but the kernel still enforces the rules of a pfw that is gone: .*otherwise\. $/,
  );
  equal((await said(namespace, box, ...explained, "--json")).standingRules, "left");
  equal((await said(namespace, box, "bans", "list", "--json")).standingRules, "left");
  match(await said(namespace, box, "bans", "list"), /Nobody .* But the kernel still enforces /);
  const banned = await runPfw(namespace, box, ["bans", "add", "10.9.0.77", "--for", "1h"]);
  match(banned.out, /takes effect at the next start\n$/);
  match(banned.err, /^pfw: warning: the kernel still enforces the rules of a pfw that is gone: /);
  const free = await runPfw(namespace, box, ["bans", "remove", "10.9.0.77"]);
  match(free.err, /^pfw: warning: the kernel still enforces the rules of a pfw that is gone: /);
  await said(namespace, box, "cleanup");
  equal((await said(namespace, box, "status", "--json")).standingRules, "none");
  match(
    await said(namespace, box, "bans", "list"),
    /^Nobody is banned; pfw is not running\. Ban .*1h $/,
  );
  match(await said(namespace, box, ...explained), /Nothing is enforced: /);
});

kernelTest("a pfw that only looks on does not deny the rules of another", async () => {
  await using namespace = await NetworkNamespace.create();
  await using looking = new Sandbox();
  await using enforcing = new Sandbox();
  for (const box of [looking, enforcing]) box.writeConfig(CONFIG);
  await using second = await startPfw(namespace, looking, ["--monitor"]);
  match(await said(namespace, looking, "status"), /monitoring only: nothing is blocked/);
  await using first = await startPfw(namespace, enforcing);
  equal((await said(namespace, looking, "status", "--json")).standingRules, "other");
  match(
    await said(namespace, looking, "status"),
    /monitoring only: this pfw blocks nothing .* kernel the kernel enforces the rules of another pfw/,
  );
  // Kept, by on_exit.
  equal((await first.end()).code, 0);
  match(
    await said(namespace, looking, "status"),
    /monitoring only: this pfw blocks nothing .* kernel the kernel still enforces the rules of a pfw that is gone: after `sudo pfw stop`, /,
  );
  match(await said(namespace, looking, "explain", "10.9.0.2"), /rules of a pfw that is gone/);
  // From another network nothing can be told.
  equal("standingRules" in await looking.status(), false);
  equal((await second.end()).code, 0);
});
