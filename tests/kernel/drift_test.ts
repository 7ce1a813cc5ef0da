/** What another program takes away or puts before us is found, repaired, logged and counted. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createPair, firewallText, kernelTest } from "../support/netns.ts";
import { Probes } from "../support/probes.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

kernelTest("a firewall that somebody flushed is whole again within seconds", async () => {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({
    blacklist_ips: ["10.9.0.2"],
    rules: [{ name: "No 2001", action: "block", ports: [2001], direction: "in" }],
  });
  const blocked = ["in udp 2002 10.9.0.2", "out icmp 10.9.0.2", "in tcp 2001 fd09::2"];
  const passes = ["in tcp 2002 fd09::2", "out udp 2002 10.9.0.3"];
  await using pfw = await startPfw(link.local, sandbox);
  await probes.expect({ passes, blocked });
  const theirs = ["-p", "tcp", "--dport", "2001", "-j", "ACCEPT"];
  for (
    const argv of [
      ["iptables", "-t", "raw", "-F"],
      ["ip6tables", "-F"],
      ["ip6tables", "-I", "INPUT", ...theirs],
      ["ipset", "flush", "pfw-black4"],
    ]
  ) {
    await link.local.run(argv);
  }
  const started = performance.now();
  const state = async () => await sandbox.status();
  equal((await state()).running, true);
  const repaired = await eventually(
    state,
    ({ drift, kernel }) => drift.repaired > 0 && kernel.inPlace,
  );
  equal(repaired.kernel.inPlace, true);
  ok(performance.now() - started < 10_000);
  deepEqual(repaired.kernel.differences, []);
  ok(repaired.drift.last.differences.length > 0);
  match(Deno.readTextFileSync(sandbox.paths.log), /repaired what another program changed: /);
  await probes.expect({ passes, blocked });
  equal((await pfw.end()).code, 0);
  const after = await firewallText(link.local);
  match(after, /-A INPUT -p tcp -m tcp --dport 2001 -j ACCEPT/);
  equal(/pfw/i.test(after), false);
});
