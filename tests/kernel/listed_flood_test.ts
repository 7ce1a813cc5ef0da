/** A flood from listed sources: it is met where a drop costs least, and every packet counts. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { FeedPublisher } from "../support/feed_publisher.ts";
import { blockedHits, dropCounters, flood } from "../support/flood.ts";
import { addNeighbours, isInSet } from "../support/neighbours.ts";
import { dropped, enforcerIn, inHaste } from "../support/enforcer.ts";
import { rulesAndCounts } from "../support/judged.ts";
import { createPair, kernelTest, kernelTestOnce } from "../support/netns.ts";
import { policy } from "../support/policies.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { startSender } from "../support/traffic.ts";

/** Three bursts of this many, each some seconds long. */
const COUNT = 100_000, BURSTS = 3;

kernelTest(
  "a flood from a feed's addresses is dropped before connection tracking, and exact",
  async () => {
    await using link = await createPair();
    const { local, remote } = link;
    await addNeighbours(link, ["11.0.0.1/32"]);
    await using publisher = await FeedPublisher.start(local);
    publisher.publish("11.0.0.1\n", "listed");
    await using sandbox = new Sandbox();
    const feeds = [publisher.feed("Listed", "listed")];
    sandbox.writeConfig({ detection: { enabled: false }, threat_feeds: feeds });
    await using pfw = await startPfw(local, sandbox);
    equal(await eventually(() => isInSet(local, "pfw-threat4", "11.0.0.1"), Boolean), true);
    const isAskedEarly = async () =>
      /-A PFW-PRE .*pfw-threat4/.test(await local.run(["iptables-save"]));
    equal(await isAskedEarly(), false);
    const packets = { protocol: "udp", from: "11.0.0.1", to: "10.9.0.1", port: 2001 } as const;
    for (let burst = 1; burst <= BURSTS; burst++) {
      equal(await flood(remote, { ...packets, sourcePort: 40_000 + burst, count: COUNT }), 0);
      equal(await eventually(isAskedEarly, Boolean), true);
    }
    const sent = BURSTS * COUNT;
    equal(await eventually(() => blockedHits(sandbox), (hits) => hits >= sent), sent);
    deepEqual(await dropCounters(local), { "PFW-D-threat": sent });
    const early = /^\[(\d+):\d+\] -A PFW-D-threat -j DROP$/m
      .exec(await local.run(["iptables-save", "-c", "-t", "raw"]));
    ok(Number(early?.[1]) > 0.9 * sent, `${early?.[1]} of ${sent}`);
    match(
      await Deno.readTextFile(sandbox.path("log/firewall.log")),
      /flooded from listed addresses: threat lists are asked before connection/,
    );
    equal((await pfw.end()).code, 0);
  },
);

const LISTED = ["10.9.0.2"];

kernelTestOnce(
  "under a flood lists are asked before connection tracking, and each drop counts",
  async () => {
    await using link = await createPair();
    const directory = await Deno.makeTempDir();
    const enforcer = enforcerIn(link.local, directory);
    const threats = async () => dropped(await enforcer.counters(), "threat");
    const before = await rulesAndCounts(link.local);
    await enforcer.apply(policy({ threats: LISTED }));
    equal(/^\*raw$/m.test(await rulesAndCounts(link.local)), false);
    await using sender = startSender(link.remote, "10.9.0.1", 9, 2);
    ok(await eventually(threats, (count) => count > 0) > 0);
    await enforcer.defend(true);
    match(
      await rulesAndCounts(link.local),
      /^\[\d+:\d+\] -A PFW-PRE -m set --match-set pfw-threat4 src/m,
    );
    ok((await enforcer.inspect()).inPlace);
    const early = await threats();
    ok(await eventually(threats, (count) => count > early) > early);
    await enforcer.defend(false);
    equal(/^\*raw$/m.test(await rulesAndCounts(link.local)), false);
    ok((await enforcer.inspect()).inPlace);
    const sent = Number(await sender.line());
    equal(await threats(), sent);
    await enforcer.remove();
    equal(await rulesAndCounts(link.local), before, "no trace");
    await Deno.remove(directory, { recursive: true });
  },
);

kernelTestOnce("a threat list that leaves raw in haste takes no count with it", async () => {
  await using link = await createPair();
  const directory = await Deno.makeTempDir();
  const enforcer = enforcerIn(link.local, directory);
  const others = (change: "-A" | "-D") =>
    link.local.run(
      ["iptables", "-t", "mangle", change, "FORWARD", "-m", "connmark", "--mark", "1"],
    );
  await others("-A");
  const wanted = policy({ threats: LISTED });
  await enforcer.apply(wanted);
  await using sender = startSender(link.remote, "10.9.0.1", 9, 3);
  for (let change = 0; change < 4; change++) {
    await others("-D");
    await enforcer.inspect();
    await inHaste(enforcer, wanted);
    equal(/^\*raw$/m.test(await rulesAndCounts(link.local)), false);
    await others("-A");
    await enforcer.inspect();
    await inHaste(enforcer, wanted);
    match(await rulesAndCounts(link.local), /^:PFW-PRE /m);
  }
  const sent = Number(await sender.line());
  equal(dropped(await enforcer.counters(), "threat"), sent);
  await enforcer.remove();
  await Deno.remove(directory, { recursive: true });
});
