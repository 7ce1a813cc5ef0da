/** Threat feeds from their publisher to the kernel: what they list is dropped, counted and named. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { ThreatsAnswer } from "../../engine/control/intel_control.ts";
import { FeedPublisher } from "../support/feed_publisher.ts";
import { blockedHits, dropCounters, flood, query } from "../support/flood.ts";
import { InjectedTraffic } from "../support/injected.ts";
import { addNeighbours, askJson, entriesOf, isInSet, listFrom11 } from "../support/neighbours.ts";
import { createPair, firewallText, join, kernelTest, NetworkNamespace } from "../support/netns.ts";
import { eventually, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

/** What a sender of many packets would meet before it meets a feed. */
const CALM = { detection: { enabled: false }, rate_limit: { enabled: false } };

const feedsOf = (namespace: NetworkNamespace, sandbox: Sandbox) =>
  askJson<ThreatsAnswer>(namespace, sandbox, ["threats", "feeds"]);

/** Waits until all feeds are fetched and in force. */
async function upToDate(namespace: NetworkNamespace, sandbox: Sandbox): Promise<ThreatsAnswer> {
  const answer = await eventually(
    () => feedsOf(namespace, sandbox),
    ({ updating, feeds }) => !updating && feeds.every(({ status }) => status === "ok"),
  );
  deepEqual(answer.feeds.map(({ error }) => error), answer.feeds.map(() => null));
  return answer;
}

const COUNT = 1_000;

kernelTest("what a feed lists is dropped in, out and through, counted and named", async (test) => {
  await using link = await createPair();
  const { local, remote } = link;
  await using server = await NetworkNamespace.create();
  await join(local, server, 1);
  await local.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  await server.run(["ip", "route", "add", "default", "via", "10.9.1.1"]);
  await remote.run(["ip", "route", "add", "10.9.1.0/24", "via", "10.9.0.1"]);
  await addNeighbours(link, ["11.0.0.1/32", "11.0.0.2/32", "11.2.0.9/32", "2a00:1450::7/128"]);
  await using publisher = await FeedPublisher.start(local);
  publisher.publish("11.0.0.1\n11.0.0.2\n", "first");
  publisher.publish("11.0.0.2\n11.2.0.0/16\n2a00:1450::/48\n", "second");
  await using sandbox = new Sandbox();
  const feeds = [publisher.feed("First", "first"), publisher.feed("Second", "second")];
  sandbox.writeConfig({ ...CALM, threat_feeds: feeds });
  await using pfw = await startPfw(local, sandbox);
  equal((await upToDate(local, sandbox)).entries, 4);
  const scenes = [
    ["in", remote, "11.0.0.1", "10.9.0.1", "First"],
    ["out", local, "10.9.0.1", "11.0.0.1", "First"],
    ["in, listed by both", remote, "11.0.0.2", "10.9.0.1", "First"],
    ["in, within a range", remote, "11.2.0.9", "10.9.0.1", "Second"],
    ["out, within a range", local, "10.9.0.1", "11.2.0.9", "Second"],
    ["in, IPv6", remote, "2a00:1450::7", "fd09::1", "Second"],
    ["out, IPv6", local, "fd09::1", "2a00:1450::7", "Second"],
    ["through, inwards", remote, "11.2.0.9", "10.9.1.2", "Second"],
    ["through, outwards", server, "10.9.1.2", "11.0.0.1", "First"],
  ] as const;
  let sent = 0;
  for (const [at, [name, sender, from, to, feed]] of scenes.entries()) {
    await test.step(name, async () => {
      const sourcePort = 40_001 + at;
      const packets = { protocol: "udp", from, to, sourcePort, port: 2001, count: COUNT } as const;
      equal(await flood(sender, packets), sender === local ? COUNT : 0);
      sent += COUNT;
      const where = `src_port = ${sourcePort}`;
      equal(await eventually(() => blockedHits(sandbox, where), (hits) => hits >= COUNT), COUNT);
      deepEqual(
        query(
          sandbox,
          `SELECT DISTINCT src_ip, dst_ip, reason FROM blocked_packets WHERE ${where}`,
        ),
        [{ src_ip: from, dst_ip: to, reason: `Threat intelligence: ${feed}` }],
      );
      const counted = Object.values(await dropCounters(local)).reduce((a, b) => a + b, 0);
      equal(counted, sent);
    });
  }
  const words = ["logs", "--ip", "11.2.0.9", "--reason", "threat"];
  const rows = await askJson<{ reason: string }[]>(local, sandbox, words);
  ok(rows.length > 0 && rows.every(({ reason }) => reason === "Threat intelligence: Second"));
  equal((await pfw.end()).code, 0);
});

/** A rule behind pfw's that counts what pfw lets through. */
async function countPassing(namespace: NetworkNamespace): Promise<() => Promise<number>> {
  for (const name of ["all", "veth-0"]) {
    await namespace.run(["sysctl", "-qw", `net.ipv4.conf.${name}.rp_filter=0`]);
  }
  const rule = ["INPUT", "-p", "udp", "--dport", "2009", "-j", "ACCEPT"];
  await namespace.run(["iptables", "-A", ...rule]);
  return async () => {
    const saved = await namespace.run(["iptables-save", "-c"]);
    return Number(/^\[(\d+):\d+\] -A INPUT .*--dport 2009 -j ACCEPT$/m.exec(saved)?.[1]);
  };
}

kernelTest(
  "the kept copy is in force when pfw is ready, without a network, after any end",
  async (test) => {
    await using link = await createPair();
    const { local } = link;
    await using sandbox = new Sandbox();
    {
      await using publisher = await FeedPublisher.start(local);
      publisher.publish(listFrom11(5_000));
      sandbox.writeConfig({ ...CALM, threat_feeds: [publisher.feed("List")] });
      await using pfw = await startPfw(local, sandbox);
      await upToDate(local, sandbox);
      equal((await pfw.end()).code, 0);
    }
    const passed = await countPassing(local);
    await using traffic = await InjectedTraffic.start(link, {
      ...{ from: [11, 0, 0, 0], sources: 4_096 },
      ...{ port: 2009, protocol: "udp", rate: 2_000 },
    });
    ok(await eventually(passed, (count) => count > 0) > 0, "without pfw they pass");
    await test.step("at the start nothing passes from ready on", async () => {
      await using pfw = await startPfw(local, sandbox);
      const atReady = await passed(), sentAtReady = traffic.sent;
      await eventually(() => traffic.sent, (sent) => sent > sentAtReady + 4_000);
      await askJson(local, sandbox, ["threats", "update"], 1);
      const { feeds: [feed] } = await feedsOf(local, sandbox);
      match(`${feed.status}: ${feed.error}`, /^kept: 127\.0\.0\.1:\d+ refused the connection$/);
      equal(feed.entries, 5_000);
      equal(await passed(), atReady);
      await pfw.end("SIGKILL");
    });
    await test.step("nor after kill -9, nor while the next start takes over", async () => {
      const before = await passed(), sentBefore = traffic.sent;
      await using pfw = await startPfw(local, sandbox);
      await eventually(() => traffic.sent, (sent) => sent > sentBefore + 4_000);
      equal(await passed(), before);
      equal((await pfw.end()).code, 0);
      ok(
        await eventually(passed, (count) => count > before) > before,
        "they pass when pfw is gone",
      );
    });
  },
);

kernelTest("a damaged copy is said and replaced, and stops no start", async (test) => {
  await using link = await createPair();
  const { local } = link;
  await using publisher = await FeedPublisher.start(local);
  publisher.publish(listFrom11(2_000));
  publisher.publish("11.9.9.9\n", "other");
  await using sandbox = new Sandbox();
  const feeds = [publisher.feed("List"), publisher.feed("Other", "other")];
  sandbox.writeConfig({ ...CALM, threat_feeds: feeds });
  await using first = await startPfw(local, sandbox);
  await upToDate(local, sandbox);
  equal((await first.end()).code, 0);
  const directory = sandbox.path("data/feeds");
  const [file] = [...Deno.readDirSync(directory)].filter(({ name }) => name.startsWith("list"));
  const path = `${directory}/${file.name}`, good = Deno.readFileSync(path);
  const damaged = {
    "cut in half": good.subarray(0, good.length / 2),
    "one bit of the addresses": good.map((byte, at) =>
      at === good.length - 3_000 ? byte ^ 4 : byte
    ),
    "empty": new Uint8Array(),
    "noise": crypto.getRandomValues(new Uint8Array(60_000)),
  };
  for (const [name, bytes] of Object.entries(damaged)) {
    await test.step(name, async () => {
      Deno.writeFileSync(path, bytes);
      publisher.publish({ status: 503, body: "" });
      await using pfw = await startPfw(local, sandbox);
      match(Deno.readTextFileSync(sandbox.paths.log), /threat feed List: the kept copy /);
      Deno.truncateSync(sandbox.paths.log);
      deepEqual(await entriesOf(local, "pfw-threat4"), ["11.9.9.9"]);
      publisher.publish(listFrom11(2_000));
      await askJson(local, sandbox, ["threats", "update"]);
      equal((await entriesOf(local, "pfw-threat4")).length, 2_001);
      deepEqual(Deno.readFileSync(path).length, good.length);
      equal((await pfw.end()).code, 0);
    });
  }
});

kernelTest(
  "reloads: on, off, another address, another minimum; a refused one changes nothing",
  async () => {
    await using link = await createPair();
    const { local } = link;
    await using publisher = await FeedPublisher.start(local);
    publisher.publish("11.0.0.1\n", "one");
    publisher.publish("11.0.0.2\n", "two");
    publisher.publish("# IPsum Threat Intelligence Feed\n11.0.1.3\t3\n11.0.1.8\t8\n", "ipsum");
    await using sandbox = new Sandbox();
    const one = publisher.feed("One", "one");
    const ipsum = { ...publisher.feed("IPsum", "ipsum"), format: "ipsum" };
    const write = (...threat_feeds: unknown[]) => sandbox.writeConfig({ ...CALM, threat_feeds });
    const reload = async (code = 0) => {
      const { err, ...run } = await runPfw(local, sandbox, ["reload"]);
      equal(run.code, code, err);
      return err;
    };
    const holds = async (wanted: string[]) => {
      const fits = (entries: string[]) => entries.join() === wanted.join();
      deepEqual(await eventually(() => entriesOf(local, "pfw-threat4"), fits), wanted);
      // The matcher is asked, too: what it says is what `explain` prints.
      for (const address of ["11.0.0.1", "11.0.0.2", "11.0.1.3", "11.0.1.8"]) {
        const words = ["explain", address, "--port", "80"];
        const { reasonCode } = await askJson<{ reasonCode: string }>(local, sandbox, words);
        equal(reasonCode === "threat", wanted.includes(address), address);
      }
    };
    write(one);
    await using pfw = await startPfw(local, sandbox);
    await holds(["11.0.0.1"]);
    write(one, ipsum);
    await reload();
    await holds(["11.0.0.1", "11.0.1.3", "11.0.1.8"]);
    write(one, { ...ipsum, minimum: 5 });
    await reload();
    await holds(["11.0.0.1", "11.0.1.8"]);
    write({ ...one, url: publisher.url("two") }, { ...ipsum, enabled: false });
    await reload();
    await holds(["11.0.0.2"]);
    for (const bad of [{ interval: "soon" }, { minimum: 300 }, { url: "ftp://127.0.0.1/x" }]) {
      write({ ...one, ...bad }, ipsum);
      match(await reload(2), /threat_feeds/);
    }
    const { feeds } = await feedsOf(local, sandbox);
    deepEqual(feeds.map(({ name, url, enabled }) => [name, url, enabled]), [
      ["One", publisher.url("two"), true],
      ["IPsum", publisher.url("ipsum"), false],
    ]);
    await holds(["11.0.0.2"]);
    write();
    await reload();
    await holds([]);
    equal((await pfw.end()).code, 0);
  },
);

kernelTest("120,430 entries and some bans leave no trace, byte for byte", async () => {
  await using link = await createPair();
  const { local } = link;
  await using publisher = await FeedPublisher.start(local);
  publisher.publish(listFrom11(120_430));
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ threat_feeds: [publisher.feed("Large")] });
  const before = await firewallText(local);
  const isWhole = async () => {
    match(await local.run(["ipset", "list", "-t", "pfw-threat4"]), /^Number of entries: 120430$/m);
    equal(await isInSet(local, "pfw-threat4", "11.1.214.109"), true);
    equal(await isInSet(local, "pfw-ban4", "12.0.0.1"), true);
  };
  for (const end of ["SIGTERM", "SIGKILL", "SIGINT"] as const) {
    await using pfw = await startPfw(local, sandbox);
    await upToDate(local, sandbox);
    await askJson(local, sandbox, ["bans", "add", "12.0.0.1", "2a00:1450:1::/64", "--for", "1h"]);
    await isWhole();
    equal((await pfw.end(end)).code, end === "SIGKILL" ? 137 : 0);
    if (end === "SIGKILL") await isWhole();
    else equal(await firewallText(local), before);
  }
});
