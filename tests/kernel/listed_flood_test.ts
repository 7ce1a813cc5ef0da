/** A flood from listed sources: it is met where a drop costs least, and every packet counts. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { FeedPublisher } from "../support/feed_publisher.ts";
import { blockedHits, dropCounters, flood } from "../support/flood.ts";
import { addNeighbours, isInSet } from "../support/neighbours.ts";
import { createPair, kernelTest } from "../support/netns.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

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
