/** A configuration that was removed while pfw runs by it is not replaced by the defaults. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { firewallText, kernelTest, NetworkNamespace } from "../support/netns.ts";
import { runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const CONFIG = {
  blacklist_ips: ["192.0.2.1"],
  rules: [{ name: "No 9", action: "block", protocol: "udp", ports: [9] }],
};

kernelTest("a removed configuration is told of, and comes back from the history", async () => {
  await using namespace = await NetworkNamespace.create();
  await using box = new Sandbox();
  box.writeConfig(CONFIG);
  await using pfw = await startPfw(namespace, box);
  const text = Deno.readTextFileSync(box.paths.config);
  const held = await firewallText(namespace);
  Deno.removeSync(box.paths.config);
  const link = box.path("link");
  Deno.symlinkSync(box.path("etc"), link);
  for (
    const words of [
      ["blacklist", "add", "203.0.113.7"],
      ["rules", "toggle", "1"],
      ["rules", "list"],
      ["rules", "export"],
      ["whitelist", "list"],
      ["rules", "check"],
      // The same file by another name.
      ["rules", "list", "--config", `${link}/firewall_rules.json`],
    ]
  ) {
    const { code, out, err } = await runPfw(namespace, box, words);
    deepEqual([words, code, out], [words, 2, ""]);
    match(err, /^pfw: cannot read \S+: it was removed while pfw runs by it; put it back with /);
  }
  const reload = await runPfw(namespace, box, ["reload"]);
  match(reload.err, /^pfw: reload refused, .*: it was removed while pfw runs by it; put it back /);
  const doctor = await runPfw(namespace, box, ["doctor"]);
  match(doctor.out, /configuration .*: it was removed while pfw runs by it/);
  const left = [...Deno.readDirSync(box.path("etc"))].map(({ name }) => name);
  ok(!left.includes("firewall_rules.json"));
  equal(
    (await firewallText(namespace)).replace(/\[\d+:\d+\]/g, ""),
    held.replace(/\[\d+:\d+\]/g, ""),
  );
  const history = await runPfw(namespace, box, ["rules", "history", "--json"]);
  const { number } = JSON.parse(history.out).entries.at(-1);
  const back = await runPfw(namespace, box, ["rules", "rollback", String(number)]);
  deepEqual([back.code, back.err], [0, ""]);
  match(back.out, /in the kernel now/);
  equal(Deno.readTextFileSync(box.paths.config), text);
  equal(Deno.statSync(box.paths.config).mode! & 0o777, 0o600);
  const added = await runPfw(namespace, box, ["blacklist", "add", "203.0.113.7"]);
  match(added.out, /in the kernel now/);
  match(await namespace.run(["iptables-save"]), /-p udp .*--dports? 9 /);
  equal((await pfw.end()).code, 0);
});

kernelTest("a configuration is known as removed whatever way leads to where it was", async () => {
  await using namespace = await NetworkNamespace.create();
  await using box = new Sandbox();
  Deno.mkdirSync(box.path("real/sub"), { recursive: true });
  Deno.symlinkSync(box.path("real"), box.path("link"));
  const config = box.path("link/sub/rules.json");
  Deno.writeTextFileSync(config, JSON.stringify(CONFIG), { mode: 0o600 });
  await using _pfw = await startPfw(namespace, box, ["--config", config]);
  Deno.removeSync(box.path("real/sub"), { recursive: true });
  for (const path of [config, box.path("real/sub/rules.json")]) {
    const { code, err } = await runPfw(namespace, box, ["whitelist", "list", "--config", path]);
    equal(code, 2);
    match(err, /it was removed while pfw runs by it/);
  }
});

kernelTest(
  "another configuration is created while a pfw runs, and the same one after it",
  async () => {
    await using namespace = await NetworkNamespace.create();
    await using box = new Sandbox();
    box.writeConfig(CONFIG);
    await using pfw = await startPfw(namespace, box);
    const other = ["--config", box.path("etc/other.json")];
    equal((await runPfw(namespace, box, ["rules", "list", ...other])).code, 0);
    ok(Deno.statSync(box.path("etc/other.json")).isFile);
    Deno.removeSync(box.paths.config);
    equal((await pfw.end()).code, 0);
    equal((await runPfw(namespace, box, ["rules", "list"])).code, 0);
    ok(Deno.statSync(box.paths.config).isFile);
  },
);
