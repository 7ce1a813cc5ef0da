/** What no feed may block, whoever publishes it; and what a publisher's mishap must not open. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { ThreatsAnswer } from "../../engine/control/intel_control.ts";
import { LOCALHOST_TLS } from "../intel/certificate.ts";
import { FeedPublisher } from "../support/feed_publisher.ts";
import {
  addNeighbours,
  askJson,
  entriesOf,
  isInSet,
  listFrom11,
  startWithNameServer,
} from "../support/neighbours.ts";
import { createPair, kernelTest, kernelTestOnce, NetworkNamespace } from "../support/netns.ts";
import { eventually, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { answers, keepTalking, startServer } from "../support/traffic.ts";

/** What `threats feeds` says of the only feed. */
async function feedOf(namespace: NetworkNamespace, sandbox: Sandbox) {
  const words = ["threats", "feeds", "--verbose"];
  return (await askJson<ThreatsAnswer>(namespace, sandbox, words)).feeds[0];
}

kernelTest(
  "what this machine and its operator depend on is in no set, and is counted",
  async () => {
    await using link = await createPair();
    const { local, remote } = link;
    await addNeighbours(link, ["11.0.0.1/32", "11.0.0.22/32", "11.0.0.53/32", "11.0.0.80/32"]);
    await local.run(["ip", "address", "add", "11.5.0.9/32", "dev", "veth-0"]);
    await local.run(["ip", "address", "add", "2a00:1450:5::9/128", "dev", "veth-0", "nodad"]);
    await local.run(["ip", "route", "add", "default", "via", "11.0.0.1", "dev", "veth-0"]);
    await using _server = await startServer(local, [22, 2001]);
    const session = { protocol: "tcp", to: "10.9.0.1", port: 22, from: "11.0.0.22" } as const;
    await using client = keepTalking(remote, session);
    equal(await client.line(), "echo");
    const safe = ["11.0.0.80", "11.7.0.0/16", "2a00:1450:6::/48"];
    const refused = {
      // The gateway, the name server, the SSH peer, own addresses; alone and in a range.
      protected: ["11.0.0.1", "11.0.0.53", "11.0.0.22", "11.5.0.0/16", "2a00:1450:5::/48"],
      private: ["10.0.0.0/8", "10.9.0.2", "172.16.1.1", "192.168.0.0/16", "fd00::/8"],
      loopback: ["127.0.0.1", "::1"],
      link_local: ["169.254.169.254", "fe80::1"],
      multicast: ["224.0.0.251", "239.0.0.0/8", "ff02::1"],
      documentation: ["192.0.2.1", "198.51.100.0/24", "203.0.113.7", "2001:db8::/32"],
      reserved: ["0.0.0.0", "255.255.255.255", "198.18.0.0/15"],
      too_wide: ["8.0.0.0/7", "0.0.0.0/1", "2a00::/16", "::/0"],
      malformed: ["256.1.1.1", "example.org"],
    };
    await using sandbox = new Sandbox();
    const file = sandbox.path("hostile.txt");
    Deno.writeTextFileSync(file, [...safe, ...Object.values(refused).flat(), ""].join("\n"));
    sandbox.writeConfig({
      whitelist_ips: ["127.0.0.1", "::1", "11.0.0.80"],
      threat_feeds: [{ name: "Hostile", url: `file://${file}`, format: "plain" }],
    });
    await using pfw = await startWithNameServer(local, sandbox, "11.0.0.53");
    await askJson(local, sandbox, ["threats", "update"]);
    const feed = await feedOf(local, sandbox);
    const counts = Object.entries(refused).map(([cause, entries]) => [cause, entries.length]);
    deepEqual(feed.refused, Object.fromEntries(counts));
    equal(feed.entries, safe.length);
    deepEqual(await entriesOf(local, "pfw-threat4"), ["11.0.0.80", "11.7.0.0/16"]);
    deepEqual(await entriesOf(local, "pfw-threat6"), ["2a00:1450:6::/48"]);
    // The whitelist wins in the kernel, where the feed's entry stands behind it.
    equal(
      await answers(remote, { protocol: "udp", to: "10.9.0.1", port: 2001, from: "11.0.0.80" }),
      true,
    );
    const { reasonCode } = await askJson<{ reasonCode: string }>(local, sandbox, [
      "explain",
      "11.0.0.80",
    ]);
    equal(reasonCode, "whitelist");
    equal(await client.line(), "echo");
    equal((await pfw.end()).code, 0);
  },
);

kernelTest("what becomes this machine's own or its gateway is let out of the set", async () => {
  await using link = await createPair();
  const { local } = link;
  await addNeighbours(link, []);
  await using sandbox = new Sandbox();
  const file = sandbox.path("list.txt");
  Deno.writeTextFileSync(file, "11.0.0.1\n11.0.7.0/24\n11.0.9.9\n2a00:1450:7::/48\n");
  sandbox.writeConfig({ threat_feeds: [{ name: "Mine", url: `file://${file}` }] });
  await using pfw = await startPfw(local, sandbox);
  await askJson(local, sandbox, ["threats", "update"]);
  const holds = async (...wanted: string[]) => {
    const ask = async () => [
      ...await entriesOf(local, "pfw-threat4"),
      ...await entriesOf(local, "pfw-threat6"),
    ];
    const fits = (entries: string[]) => entries.join() === wanted.join();
    deepEqual(await eventually(ask, fits), wanted);
  };
  await holds("11.0.0.1", "11.0.7.0/24", "11.0.9.9", "2a00:1450:7::/48");
  await local.run(["ip", "address", "add", "11.0.7.7/32", "dev", "veth-0"]);
  await local.run(["ip", "address", "add", "2a00:1450:7::7/128", "dev", "veth-0", "nodad"]);
  await local.run(["ip", "route", "add", "default", "via", "11.0.0.1", "dev", "veth-0"]);
  const started = performance.now();
  await holds("11.0.9.9");
  ok(performance.now() - started < 15_000);
  deepEqual((await feedOf(local, sandbox)).refused, { protected: 3 });
  await local.run(["ip", "route", "del", "default"]);
  await local.run(["ip", "address", "del", "11.0.7.7/32", "dev", "veth-0"]);
  await local.run(["ip", "address", "del", "2a00:1450:7::7/128", "dev", "veth-0"]);
  await holds("11.0.0.1", "11.0.7.0/24", "11.0.9.9", "2a00:1450:7::/48");
  equal((await pfw.end()).code, 0);
});

const GOOD = 2_000;
const MEGABYTE = "11.0.0.1\n".repeat(111_112);
const HTML = "<!DOCTYPE html>\n<html><body>Please log in</body></html>\n".repeat(50);

/** Each with what `threats feeds` says of it. */
const MISHAPS: Record<string, [answer: Parameters<FeedPublisher["publish"]>[0], why: RegExp]> = {
  "less than half of the list": [listFrom11(GOOD / 2 - 1), /^lost 1,001 of 2,000 entries at once$/],
  "HTML": [HTML, /HTML/],
  "nothing": ["", /empty|no entr/],
  "noise": [{ body: crypto.getRandomValues(new Uint8Array(50_000)) }, /./],
  "another form": ["11.0.0.1,x\n".repeat(3_000), /./],
  "a gzip file": [{ body: gzipSync(listFrom11(GOOD)) }, /gzip/],
  "100 MB": [{ body: MEGABYTE, times: 100 }, /64 MB|large|more than/i],
  "100 MB, announced": [{ body: MEGABYTE, length: 100_000_000 }, /64 MB|large|more than/i],
  "broken off": [{ body: listFrom11(GOOD), length: 1_000_000 }, /broke off/],
  "404": [{ status: 404, body: listFrom11(GOOD) }, /^answered 404$/],
  "500": [{ status: 500, body: "" }, /^answered 500$/],
  "304 without being asked": [{ status: 304, body: "" }, /^answered 304$/],
  "a circle": [{ status: 302, headers: { location: "/feed" }, body: "" }, /^too many redirects$/],
  "a file": [{ status: 302, headers: { location: "file:///etc/passwd" }, body: "" }, /./],
};

/** Resident memory of a process in bytes. */
function residentMemory(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

kernelTest("whatever the publisher answers, the old list stays in the kernel", async (test) => {
  await using link = await createPair();
  const { local } = link;
  await using publisher = await FeedPublisher.start(local);
  publisher.publish(listFrom11(GOOD));
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ threat_feeds: [publisher.feed("List")] });
  await using pfw = await startPfw(local, sandbox);
  await askJson(local, sandbox, ["threats", "update"]);
  const before = await entriesOf(local, "pfw-threat4");
  equal(before.length, GOOD);
  const memory = residentMemory(pfw.pid);
  for (const [name, [answer, why]] of Object.entries(MISHAPS)) {
    await test.step(name, async () => {
      publisher.publish(answer);
      const { code, out, err } = await runPfw(local, sandbox, ["threats", "update"]);
      deepEqual([code, out.includes("in force")], [1, false], out);
      match(err, /^pfw: cannot update List: .*; the old list stays; see pfw threats feeds\n$/);
      const { status, error, entries } = await feedOf(local, sandbox);
      deepEqual([status, entries], ["kept", GOOD]);
      match(error ?? "", why);
      deepEqual(await entriesOf(local, "pfw-threat4"), before);
    });
  }
  const grown = residentMemory(pfw.pid) - memory;
  ok(grown < 100e6, `${Math.round(grown / 1e6)} MB more than before`);
  await test.step("--force takes the list that shrank", async () => {
    publisher.publish(listFrom11(300));
    equal((await runPfw(local, sandbox, ["threats", "update"])).code, 1);
    equal((await runPfw(local, sandbox, ["threats", "update", "--force"])).code, 0);
    equal((await entriesOf(local, "pfw-threat4")).length, 300);
    equal((await feedOf(local, sandbox)).status, "ok");
  });
  equal((await pfw.end()).code, 0);
});

kernelTest("who never comes to an end keeps no other feed and no stop waiting", async () => {
  await using link = await createPair();
  const { local } = link;
  await using publisher = await FeedPublisher.start(local);
  publisher.publish("11.0.0.1\n", "drip");
  publisher.publish("11.0.0.2\n", "other");
  await using sandbox = new Sandbox();
  const feeds = [publisher.feed("Drip", "drip"), publisher.feed("Other", "other")];
  sandbox.writeConfig({ threat_feeds: feeds });
  await using pfw = await startPfw(local, sandbox);
  await askJson(local, sandbox, ["threats", "update"]);
  publisher.publish({ body: "11.0.0.9\n", times: 1_000_000, pause: 0.1 }, "drip");
  const update = runPfw(local, sandbox, ["threats", "update", "Drip"]);
  const isUnderWay = () => feedOf(local, sandbox);
  const { receivedBytes } = await eventually(isUnderWay, (feed) => feed.receivedBytes > 0);
  ok(receivedBytes > 0);
  publisher.publish("11.0.0.3\n", "other");
  await askJson(local, sandbox, ["threats", "update", "Other"], 0);
  deepEqual(await entriesOf(local, "pfw-threat4"), ["11.0.0.1", "11.0.0.3"]);
  equal((await feedOf(local, sandbox)).status, "fetching");
  equal((await pfw.end()).code, 0);
  const { code, err } = await update;
  equal(code, 1);
  match(err, /^pfw: .*(pfw ended meanwhile|stopped before it was complete)/);
});

kernelTestOnce("a redirect from https to http is not followed", async () => {
  await using link = await createPair();
  const { local } = link;
  await using secure = await FeedPublisher.start(local, LOCALHOST_TLS.key + LOCALHOST_TLS.cert);
  await using plain = await FeedPublisher.start(local);
  plain.publish("11.0.0.66\n");
  secure.publish("11.0.0.1\n");
  await using sandbox = new Sandbox();
  const certificate = sandbox.path("ca.pem");
  Deno.writeTextFileSync(certificate, LOCALHOST_TLS.cert);
  sandbox.writeConfig({ threat_feeds: [secure.feed("Secure")] });
  await using pfw = await startPfw(local, sandbox, [], { env: { DENO_CERT: certificate } });
  await askJson(local, sandbox, ["threats", "update"]);
  for (const status of [301, 302, 303, 307, 308]) {
    secure.publish({ status, headers: { location: plain.url("feed") }, body: "" });
    equal((await runPfw(local, sandbox, ["threats", "update"])).code, 1);
    match((await feedOf(local, sandbox)).error ?? "", /http/);
    equal(await isInSet(local, "pfw-threat4", "11.0.0.66"), false);
  }
  deepEqual(await entriesOf(local, "pfw-threat4"), ["11.0.0.1"]);
  equal((await pfw.end()).code, 0);
});
