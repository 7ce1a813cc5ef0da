/** Reports that pfw cannot take in time are lost, the drops are not, and neither is their number. */
import { equal, match, ok } from "node:assert/strict";
import { createPair, kernelTestOnce } from "../support/netns.ts";
import { blockedHits, dropCounters } from "../support/flood.ts";
import { InjectedTraffic } from "../support/injected.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

/** More reports than the socket holds: 64 MB with the kernel's own overhead. */
const OVERRUN = 400_000;

kernelTestOnce("pfw that stands still under a flood counts every drop afterwards", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({
    // Else the sender is banned soon, and the reason is another one.
    detection: { enabled: false },
    rules: [{ name: "No 9", action: "block", ports: [9], direction: "in" }],
    rate_limit: { enabled: false },
  });
  await using pfw = await startPfw(link.local, sandbox, ["veth-0"]);
  await using flood = await InjectedTraffic.start(link, {
    port: 9,
    protocol: "both",
    rate: 90_000,
  });
  await eventually(() => flood.sent, (sent) => sent > 10_000);
  pfw.signal("SIGSTOP");
  const before = flood.sent;
  await eventually(() => flood.sent, (sent) => sent > before + OVERRUN);
  pfw.signal("SIGCONT");
  await new Promise((resolve) => setTimeout(resolve, 500));
  const sent = await flood.end();
  const stats = async () => JSON.parse((await sandbox.pfw("stats", "--json")).out).running;
  const { totals, losses } = await eventually(stats, ({ totals }) => totals.blocked >= sent);
  const dropped = Object.values(await dropCounters(link.local));
  equal(dropped.length, 1);
  equal(dropped[0], sent, "the kernel dropped all of them meanwhile");
  equal(totals.blocked, sent, "and pfw knows of all of them");
  ok(losses.nflogLost > 0, "reports were lost, else this shows nothing");
  const written = () => blockedHits(sandbox);
  equal(await eventually(written, (packets) => packets >= sent), sent, "and has a row for them");
  const { code, out } = await pfw.end();
  equal(code, 0);
  match(out, new RegExp(`${sent.toLocaleString("en-US")} blocked$`, "m"));
});
