/** One pfw per network namespace: another is refused in one line, and the first goes on. */
import { deepEqual, equal, match } from "node:assert/strict";
import { createPair, firewallText, kernelTest, type Link } from "../support/netns.ts";
import { blockedHits, flood } from "../support/flood.ts";
import { eventually, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const CONFIG = {
  rules: [{ name: "No 9", action: "block", protocol: "udp", ports: [9], direction: "in" }],
  rate_limit: { enabled: false },
};

/** Blocks all packets to port 9 that are sent now, and has a row for each. */
async function requireWorking({ remote }: Link, sandbox: Sandbox): Promise<void> {
  const before = blockedHits(sandbox);
  const packets = { from: "10.9.0.2", to: "10.9.0.1", sourcePort: 40_001, port: 9, count: 500 };
  await flood(remote, { protocol: "udp", ...packets });
  const after = await eventually(() => blockedHits(sandbox), (hits) => hits >= before + 500);
  equal(after, before + 500);
}

kernelTest("a second pfw is refused and does not harm the first", async (test) => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  await using other = new Sandbox();
  sandbox.writeConfig(CONFIG);
  other.writeConfig({ default_policy: "block", blacklist_ips: ["10.9.0.2"] });
  await using first = await startPfw(link.local, sandbox);
  const holding = () =>
    firewallText(link.local).then((text) => text.replace(/\[\d+:\d+\]/g, "[0:0]"));
  const held = await holding();
  await test.step("with the same run directory", async () => {
    const { code, out, err } = await runPfw(link.local, sandbox, ["start"]);
    deepEqual([code, out], [1, ""]);
    equal(
      err,
      `pfw: cannot start: pfw is already running (process ${first.pid}); ` +
        "see `pfw status`, or end it with `pfw stop`\n",
    );
    equal(await holding(), held);
    await requireWorking(link, sandbox);
  });
  await test.step("with another run directory", async () => {
    const { code, out, err } = await runPfw(link.local, other, ["start"]);
    deepEqual([code, out], [1, ""]);
    match(err, /^pfw: [^\n]*another pfw[^\n]*\n$/);
    equal(await holding(), held);
    await requireWorking(link, sandbox);
  });
  await test.step("cleanup with another run directory", async () => {
    const { code, out, err } = await runPfw(link.local, other, ["cleanup"]);
    deepEqual([code, out], [1, ""]);
    match(err, /^pfw: cannot clean up: [^\n]*another pfw[^\n]*\n$/);
    equal(await holding(), held);
    await requireWorking(link, sandbox);
  });
  equal((await first.end()).code, 0);
  await using successor = await startPfw(link.local, other);
  equal((await successor.end()).code, 0);
});

kernelTest("each network namespace has its own pfw", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  await using other = new Sandbox();
  for (const box of [sandbox, other]) box.writeConfig(CONFIG);
  await using first = await startPfw(link.local, sandbox);
  await using second = await startPfw(link.remote, other);
  await requireWorking(link, sandbox);
  equal((await second.end()).code, 0);
  await requireWorking(link, sandbox);
  equal((await first.end()).code, 0);
});
