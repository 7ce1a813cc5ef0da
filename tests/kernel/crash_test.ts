/** After a crash the protection stands; the next start takes it over; clean-up removes it. */
import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { createPair, firewallText, kernelTest, type Link } from "../support/netns.ts";
import { blockedHits } from "../support/flood.ts";
import { eventually, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { startSender } from "../support/traffic.ts";

const CONFIG = {
  blacklist_ips: ["10.9.0.2"],
  // Else the sender is banned soon, and a gap could not be seen.
  detection: { enabled: false },
  rules: [{ name: "No 9", action: "block", protocol: "udp", ports: [9], direction: "in" }],
  rate_limit: { enabled: false },
};

/** A rule of our own behind pfw's: it counts what pfw lets through. */
async function countPassing({ local }: Link): Promise<void> {
  await local.run(["iptables", "-A", "INPUT", "-p", "udp", "--dport", "9", "-j", "ACCEPT"]);
}

async function passed({ local }: Link): Promise<number> {
  const saved = await local.run(["iptables-save", "-c"]);
  return Number(/^\[(\d+):\d+\] -A INPUT -p udp -m udp --dport 9 -j ACCEPT$/m.exec(saved)?.[1]);
}

kernelTest("between kill -9 and the next start not one packet slips through", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  await countPassing(link);
  const before = await firewallText(link.local);
  await using first = await startPfw(link.local, sandbox);
  await using _sender = startSender(link.remote, "10.9.0.1", 9, 60);
  await eventually(() => blockedHits(sandbox), (hits) => hits > 0);
  equal((await first.end("SIGKILL")).code, 128 + 9);
  const status = await sandbox.pfw("status");
  match(status.out, /not running/);
  // Another policy, which blocks the same by other means: chains and sets change hands.
  sandbox.writeConfig({ ...CONFIG, blacklist_ips: [], default_policy: "block" });
  await using second = await startPfw(link.local, sandbox);
  const takenOver = blockedHits(sandbox);
  ok(await eventually(() => blockedHits(sandbox), (hits) => hits > takenOver) > takenOver);
  equal((await second.end("SIGKILL")).code, 128 + 9);
  sandbox.writeConfig(CONFIG);
  await using third = await startPfw(link.local, sandbox);
  equal(await passed(link), 0);
  equal((await third.end()).code, 0);
  ok(await eventually(() => passed(link), (packets) => packets > 0) > 0);
  equal((await firewallText(link.local)).replace(/\[\d+:\d+\]/g, "[0:0]"), before);
});

kernelTest("cleanup removes what a crash left, and only then", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  const before = await firewallText(link.local);
  const cleanup = () => runPfw(link.local, sandbox, ["cleanup"]);
  deepEqual(await cleanup(), { code: 0, out: "nothing to clean up\n", err: "" });
  await using pfw = await startPfw(link.local, sandbox);
  deepEqual(await cleanup(), {
    code: 1,
    out: "",
    err: "pfw: cannot clean up: pfw is running; end it with `pfw stop`\n",
  });
  await pfw.end("SIGKILL");
  notEqual(await firewallText(link.local), before);
  const { code, out, err } = await cleanup();
  deepEqual([code, err], [0, ""]);
  match(out, /^removed \d+ chains and \d+ sets from the kernel\n$/);
  equal(await firewallText(link.local), before);
});

kernelTest("a start that fails after a crash leaves the protection in place", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  await using pfw = await startPfw(link.local, sandbox);
  await pfw.end("SIGKILL");
  const left = await firewallText(link.local);
  for (const [words, config] of [[["no-such-interface"], CONFIG], [[], "{ broken"]] as const) {
    sandbox.writeConfig(config);
    equal((await runPfw(link.local, sandbox, ["start", ...words])).code, 2);
    equal(await firewallText(link.local), left);
  }
});
