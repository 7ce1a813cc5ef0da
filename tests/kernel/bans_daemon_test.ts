/** Bans by a running pfw: whom they hit, whom they spare, how long they last and what they survive. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { BansAnswer } from "../../engine/control/intel_control.ts";
import type { BanView } from "../../engine/bans/ban.ts";
import {
  addNeighbours,
  askJson,
  entriesOf,
  isInSet,
  startWithNameServer,
} from "../support/neighbours.ts";
import { createPair, firewallText, kernelTest, NetworkNamespace } from "../support/netns.ts";
import { scan } from "../support/port_scan.ts";
import { eventually, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { answers, keepTalking, startServer } from "../support/traffic.ts";

const SCANNERS = ["11.0.0.66/32", "11.0.0.99/32", "2a00:1450:1:2::66/128", "2a00:1450:1:2::67/128"];

async function bansOf(namespace: NetworkNamespace, sandbox: Sandbox): Promise<readonly BanView[]> {
  return (await askJson<BansAnswer>(namespace, sandbox, ["bans", "list"])).bans;
}

/** Waits for the ban of an address. */
async function banOf(namespace: NetworkNamespace, sandbox: Sandbox, address: string) {
  const find = (bans: readonly BanView[]) => bans.find((ban) => ban.address === address);
  const bans = await eventually(() => bansOf(namespace, sandbox), (bans) => !!find(bans));
  const ban = find(bans);
  if (!ban) throw new Error(`${address} is not banned: ${JSON.stringify(bans)}`);
  return ban;
}

/** Who opens one connection after another and proves nothing. */
const GUESSER = `
import socket, sys, time
source, to, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
held = []
try:
    for _ in range(count):
        held.append(socket.create_connection((to, port), 2, (source, 0)))
        time.sleep(0.02)
except OSError:
    pass
print(len(held), flush=True)
time.sleep(60)
`;

kernelTest(
  "a ban of the session that it is given in needs --force, whoever serves it",
  async () => {
    await using namespace = await NetworkNamespace.create();
    await using sandbox = new Sandbox();
    sandbox.writeConfig({});
    await using pfw = await startPfw(namespace, sandbox);
    const env = { SSH_CONNECTION: "203.0.113.77 50000 192.0.2.9 22" };
    for (const address of ["203.0.113.77", "203.0.113.0/24"]) {
      const ban = ["bans", "add", address];
      const { code, out, err } = await runPfw(namespace, sandbox, ban, { env });
      deepEqual([code, out], [1, ""]);
      match(err, /^pfw: cannot ban \S+: 203\.0\.113\.77 is .* depends on it; --force bans it/);
    }
    deepEqual(await bansOf(namespace, sandbox), []);
    const other = await runPfw(namespace, sandbox, ["bans", "add", "198.51.100.7"], { env });
    deepEqual([other.code, other.err], [0, ""]);
    const forced = ["bans", "add", "203.0.113.77", "--force"];
    match((await runPfw(namespace, sandbox, forced, { env })).out, /in the kernel now/);
    equal((await pfw.end()).code, 0);
  },
);

kernelTest("who guesses passwords on port 22 is banned, connections open or not", async () => {
  await using link = await createPair();
  const { local, remote } = link;
  await addNeighbours(link, SCANNERS);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ threat_feeds: [] });
  await using _server = await startServer(local, [22]);
  await using pfw = await startPfw(local, sandbox);
  const words = ["11.0.0.66", "10.9.0.1", "22", "40"];
  await using guesser = remote.spawn(["python3", "-c", GUESSER, ...words]);
  const opened = Number(await guesser.line());
  ok(opened < 40, `${opened} connections`);
  equal((await banOf(local, sandbox, "11.0.0.66")).cause, "connection_burst");
  equal((await pfw.end()).code, 0);
});

/** Seconds that each entry of a set has left in the kernel. */
async function timeoutsOf(namespace: NetworkNamespace, set: string) {
  const saved = await namespace.run(["ipset", "save", set]);
  const found = saved.matchAll(/^add \S+ (\S+) timeout (\d+)/gm);
  return Object.fromEntries([...found].map(([, entry, seconds]) => [entry, Number(seconds)]));
}

const ends = (bans: readonly BanView[]) => bans.map(({ address, until }) => [address, until]);

kernelTest("bans keep their end through a restart, kill -9, and on_exit keep", async (test) => {
  await using link = await createPair();
  const { local, remote } = link;
  await addNeighbours(link, SCANNERS);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ threat_feeds: [], on_exit: "keep" });
  await using first = await startPfw(local, sandbox);
  const words = ["bans", "add", "11.0.0.99", "2a00:1450:9::/48", "--for", "1h"];
  await askJson(local, sandbox, words);
  await scan(remote, "11.0.0.66", "10.9.0.1");
  await banOf(local, sandbox, "11.0.0.66");
  const bans = await bansOf(local, sandbox);
  const isInForce = async () => {
    const held = { ...await timeoutsOf(local, "pfw-ban4"), ...await timeoutsOf(local, "pfw-ban6") };
    deepEqual(Object.keys(held).sort(), bans.map(({ address }) => address).sort());
    for (const { address, until } of bans) {
      const left = (Date.parse(until) - Date.now()) / 1000;
      ok(Math.abs(held[address] - left) <= 3, `${address}: ${held[address]} s, not ${left} s`);
    }
  };
  await isInForce();
  await test.step("while pfw is gone", async () => {
    equal((await first.end()).code, 0);
    await isInForce();
    deepEqual(ends(await bansOf(local, sandbox)), ends(bans));
  });
  sandbox.writeConfig({ threat_feeds: [] });
  for (const end of ["SIGTERM", "SIGKILL"] as const) {
    await test.step(`at the start, then ${end}`, async () => {
      await using pfw = await startPfw(local, sandbox);
      await isInForce();
      deepEqual(ends(await bansOf(local, sandbox)), ends(bans));
      await pfw.end(end);
      if (end === "SIGKILL") await isInForce();
      else equal((await firewallText(local)).includes("pfw-"), false);
    });
  }
  await test.step("and after the kill", async () => {
    await using pfw = await startPfw(local, sandbox);
    await isInForce();
    deepEqual(ends(await bansOf(local, sandbox)), ends(bans));
    equal((await pfw.end()).code, 0);
  });
});

kernelTest("a ban cuts what runs, and frees it when its time is over", async () => {
  await using link = await createPair();
  const { local, remote } = link;
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ threat_feeds: [] });
  await using _server = await startServer(local, [2001]);
  await using pfw = await startPfw(local, sandbox);
  await using client = keepTalking(remote, { protocol: "tcp", to: "10.9.0.1", port: 2001 });
  equal(await client.line(), "echo");
  await askJson(local, sandbox, ["bans", "add", "10.9.0.2", "--for", "4s"]);
  let line = await client.line();
  while (line === "echo") line = await client.line();
  equal(line, "silence");
  const attempt = { protocol: "udp", to: "10.9.0.1", port: 2001 } as const;
  equal(await eventually(() => answers(remote, attempt), (isAnswered) => isAnswered), true);
  deepEqual(await entriesOf(local, "pfw-ban4"), []);
  deepEqual(await bansOf(local, sandbox), []);
  await pfw.waitFor(/ban of 10\.9\.0\.2 is over/);
  equal((await pfw.end()).code, 0);
});

kernelTest("each repetition is banned for longer; on IPv6 it is the /64", async () => {
  await using link = await createPair();
  const { local, remote } = link;
  await addNeighbours(link, SCANNERS);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ threat_feeds: [], bans: { first: "2s", longest: "1h" } });
  await using pfw = await startPfw(local, sandbox);
  const seconds = [];
  for (const time of [1, 2, 3]) {
    // A detector is silent for some seconds about whom it has just found: the scan goes on.
    const [ban] = await eventually(async () => {
      await scan(remote, "2a00:1450:1:2::66", "fd09::1");
      return await bansOf(local, sandbox);
    }, (bans) => bans.length > 0);
    equal(ban.address, "2a00:1450:1:2::/64");
    equal(ban.offences, time);
    equal(await isInSet(local, "pfw-ban6", "2a00:1450:1:2::67"), true);
    seconds.push((Date.parse(ban.until) - Date.parse(ban.since)) / 1000);
    if (time === 3) break;
    const bans = await eventually(() => bansOf(local, sandbox), ({ length }) => length === 0);
    deepEqual(bans, []);
    // The kernel counts in whole seconds and frees nobody too early.
    const isHeld = () => isInSet(local, "pfw-ban6", "2a00:1450:1:2::67");
    equal(await eventually(isHeld, (held) => !held), false);
  }
  equal(seconds[0], 2);
  ok(seconds[1] > seconds[0] && seconds[2] > seconds[1], seconds.join());
  equal((await pfw.end()).code, 0);
});

kernelTest(
  "gateway, name server, own addresses and whitelist are not banned, however forged",
  async () => {
    await using link = await createPair();
    const { local, remote } = link;
    const spared = ["11.0.0.1", "11.0.0.53", "11.0.0.80"];
    await addNeighbours(link, [...SCANNERS, ...spared.map((address) => `${address}/32`)]);
    await local.run(["ip", "route", "add", "default", "via", "11.0.0.1", "dev", "veth-0"]);
    await using sandbox = new Sandbox();
    sandbox.writeConfig({ threat_feeds: [], whitelist_ips: ["127.0.0.1", "11.0.0.80/30"] });
    await using pfw = await startWithNameServer(local, sandbox, "11.0.0.53");
    for (const from of spared) await scan(remote, from, "10.9.0.1");
    // They are judged in order: when this one is banned, the others were spared.
    await scan(remote, "11.0.0.66", "10.9.0.1");
    await banOf(local, sandbox, "11.0.0.66");
    deepEqual((await bansOf(local, sandbox)).map(({ address }) => address), ["11.0.0.66"]);
    deepEqual(await entriesOf(local, "pfw-ban4"), ["11.0.0.66"]);
    const log = Deno.readTextFileSync(sandbox.paths.log);
    match(log, /does not ban 11\.0\.0\.1 \(.* this machine depends on it\): port scan/);
    match(log, /does not ban 11\.0\.0\.53 \(.* this machine depends on it\): port scan/);
    for (const address of [...spared, "11.0.0.0/24", "10.9.0.1", "fd09::1"]) {
      const refused = await runPfw(local, sandbox, ["bans", "add", address]);
      deepEqual([refused.code, refused.out], [1, ""], address);
      match(
        refused.err,
        /^pfw: cannot ban \S+: .* whitelisted, or .*; --force bans it all the same/,
      );
    }
    await askJson(local, sandbox, ["bans", "add", "11.0.0.53", "--force"]);
    deepEqual(await entriesOf(local, "pfw-ban4"), ["11.0.0.53", "11.0.0.66"]);
    equal((await pfw.end()).code, 0);
  },
);

kernelTest("who becomes protected is set free; what a person banned stays", async () => {
  await using link = await createPair();
  const { local, remote } = link;
  await addNeighbours(link, SCANNERS);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ threat_feeds: [] });
  await using pfw = await startPfw(local, sandbox);
  for (const from of ["11.0.0.66", "11.0.0.99"]) {
    await scan(remote, from, "10.9.0.1");
    await banOf(local, sandbox, from);
  }
  await askJson(local, sandbox, ["bans", "add", "11.0.0.77", "--for", "1h"]);
  await local.run(["ip", "address", "add", "11.0.0.77/32", "dev", "lo"]);
  await local.run(["ip", "route", "add", "default", "via", "11.0.0.66", "dev", "veth-0"]);
  sandbox.writeConfig({ threat_feeds: [], whitelist_ips: ["127.0.0.1", "11.0.0.99"] });
  equal((await runPfw(local, sandbox, ["reload"])).code, 0);
  const wanted = ["11.0.0.77"];
  const fits = (entries: string[]) => entries.join() === wanted.join();
  deepEqual(await eventually(() => entriesOf(local, "pfw-ban4"), fits), wanted);
  deepEqual((await bansOf(local, sandbox)).map(({ address }) => address), wanted);
  const log = Deno.readTextFileSync(sandbox.paths.log);
  match(log, /lifted the ban of 11\.0\.0\.66: this machine depends on it/);
  equal((await pfw.end()).code, 0);
});

kernelTest("monitor mode says whom it would ban, and bans nobody", async () => {
  await using link = await createPair();
  await addNeighbours(link, SCANNERS);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ threat_feeds: [] });
  const before = await firewallText(link.local);
  await using pfw = await startPfw(link.local, sandbox, ["--monitor"]);
  await scan(link.remote, "11.0.0.66", "10.9.0.1");
  await pfw.waitFor(/would ban 11\.0\.0\.66: port scan/);
  deepEqual(await bansOf(link.local, sandbox), []);
  equal(await firewallText(link.local), before);
  equal((await pfw.end()).code, 0);
});

kernelTest(
  "what puts a policy back while only a crashed pfw's rules stand keeps threats and bans",
  async () => {
    await using link = await createPair();
    const { local } = link;
    await using sandbox = new Sandbox();
    const file = sandbox.path("list.txt");
    Deno.writeTextFileSync(file, "11.0.1.1\n11.0.2.0/24\n10.0.0.1\n");
    sandbox.writeConfig({ threat_feeds: [{ name: "Mine", url: `file://${file}` }] });
    await using pfw = await startPfw(local, sandbox);
    await askJson(local, sandbox, ["threats", "update"]);
    await askJson(local, sandbox, ["bans", "add", "11.0.0.66", "2a00:1450:1::/48", "--for", "1h"]);
    await askJson(local, sandbox, ["bans", "add", "11.0.0.99", "--for", "2s"]);
    const words = ["blacklist", "add", "11.0.3.3", "--confirm", "3"];
    equal((await runPfw(local, sandbox, words)).code, 0);
    equal(await isInSet(local, "pfw-black4", "11.0.3.3"), true);
    await pfw.end("SIGKILL");
    Deno.removeSync(file);
    // Gone from a set that nothing else may have touched: the policy before stands again.
    const isBlack = () => isInSet(local, "pfw-black4", "11.0.3.3");
    equal(await eventually(isBlack, (held) => !held), false);
    deepEqual(await entriesOf(local, "pfw-threat4"), ["11.0.1.1", "11.0.2.0/24"]);
    const left = await eventually(
      () => timeoutsOf(local, "pfw-ban4"),
      (held) => !("11.0.0.99" in held),
    );
    deepEqual(Object.keys(left), ["11.0.0.66"]);
    ok(left["11.0.0.66"] > 3_400 && left["11.0.0.66"] <= 3_600, `${left["11.0.0.66"]} s`);
    deepEqual(await entriesOf(local, "pfw-ban6"), ["2a00:1450:1::/48"]);
  },
);
