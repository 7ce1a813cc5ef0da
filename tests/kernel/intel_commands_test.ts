/** `pfw threats` and `pfw bans` with a running pfw: what they say is what the kernel does. */
import { deepEqual, equal, match } from "node:assert/strict";
import type { BanView } from "../../engine/bans/ban.ts";
import { kernelTest, NetworkNamespace } from "../support/netns.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

/** Whether the kernel's set holds an address. */
async function holds(namespace: NetworkNamespace, set: string, address: string): Promise<boolean> {
  const { status } = await namespace.commands.run(["ipset", "test", set, address]);
  return status === 0;
}

kernelTest("threats: enable, update, check and disable agree with the kernel's sets", async () => {
  await using namespace = await NetworkNamespace.create();
  await using box = new Sandbox();
  const file = box.path("list.txt");
  Deno.writeTextFileSync(file, "203.0.114.1\n10.0.0.1\n");
  box.writeConfig({ threat_feeds: [{ name: "Mine", url: `file://${file}`, enabled: false }] });
  await using pfw = await startPfw(namespace, box);
  const check = async () =>
    JSON.parse((await box.pfw("threats", "check", "203.0.114.1", "--json")).out);
  deepEqual([(await check()).listed, (await check()).running], [false, true]);
  match(
    (await box.pfw("threats", "feeds", "enable", "mine")).out,
    /^enabled Mine: the running pfw fetches it now, /,
  );
  match((await box.pfw("threats", "update")).out, /\n1 entry in force in the kernel\n$/);
  equal(await holds(namespace, "pfw-threat4", "203.0.114.1"), true);
  equal(await holds(namespace, "pfw-threat4", "10.0.0.1"), false);
  equal((await check()).inForce, true);
  match((await box.pfw("status")).out, /^ {2}feeds +1 of 1 up to date, 1 entry$/m);
  equal((await box.pfw("threats", "feeds", "disable", "mine")).code, 0);
  const isGone = (held: boolean) => !held;
  const stays = await eventually(() => holds(namespace, "pfw-threat4", "203.0.114.1"), isGone);
  deepEqual([stays, (await check()).inForce], [false, false]);
  equal((await pfw.end()).code, 0);
});

kernelTest("bans: add and remove are in the kernel at once, and outlive a restart", async () => {
  await using namespace = await NetworkNamespace.create();
  await using box = new Sandbox();
  box.writeConfig({ threat_feeds: [] });
  const addresses = ["203.0.114.9", "2a00:1450:1:2::/64"];
  {
    await using pfw = await startPfw(namespace, box);
    const added = await box.pfw("bans", "add", ...addresses, "--for", "2h", "--reason", "why not");
    match(added.out, /: in the kernel now \(\d+ ms\)\n$/);
    equal(await holds(namespace, "pfw-ban4", "203.0.114.9"), true);
    equal(await holds(namespace, "pfw-ban6", "2a00:1450:1:2::/64"), true);
    match((await box.pfw("status")).out, /^ {2}bans +2 bans in force, see pfw bans list$/m);
    const protectedOne = await box.pfw("bans", "add", "127.0.0.1");
    deepEqual([protectedOne.code, protectedOne.out], [1, ""]);
    match(protectedOne.err, /^pfw: cannot ban 127\.0\.0\.1: .*--force/);
    equal((await pfw.end()).code, 0);
  }
  const stored = JSON.parse((await box.pfw("bans", "--json")).out);
  equal(stored.running, false);
  deepEqual(stored.bans.map((ban: BanView) => [ban.address, ban.reason]), [
    ["203.0.114.9", "why not"],
    ["2a00:1450:1:2::/64", "why not"],
  ]);
  equal((await box.pfw("bans", "remove", "203.0.114.9")).code, 0);
  equal((await box.pfw("bans", "add", "203.0.114.10")).code, 0);
  await using pfw = await startPfw(namespace, box);
  equal(await holds(namespace, "pfw-ban4", "203.0.114.9"), false);
  equal(await holds(namespace, "pfw-ban4", "203.0.114.10"), true);
  match((await box.pfw("bans", "remove", "--all")).out, /^unbanned .*: in the kernel now/);
  equal(await holds(namespace, "pfw-ban6", "2a00:1450:1:2::/64"), false);
  equal((await pfw.end()).code, 0);
});
