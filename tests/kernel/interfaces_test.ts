/** What pfw watches: one interface, several, any, ones that go away and come back, unknown ones. */
import { deepEqual, equal, match } from "node:assert/strict";
import { createPair, firewallText, join, kernelTest, NetworkNamespace } from "../support/netns.ts";
import { blockedHits, dropCounters, flood, query } from "../support/flood.ts";
import { eventually, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const COUNT = 300;

/** Sends UDP packets to the local end of one of its links. */
function send(remote: NetworkNamespace, link: number, port: number): Promise<number> {
  return flood(remote, {
    protocol: "udp",
    from: `10.9.${link}.2`,
    to: `10.9.${link}.1`,
    sourcePort: 40_000 + port,
    port,
    count: COUNT,
  });
}

/** Incoming packets to a port that were seen and would be blocked, by interface. */
function seen(sandbox: Sandbox, port: number): Record<string, unknown> {
  const rows = query(
    sandbox,
    `SELECT interface, sum(hits) AS hits FROM blocked_packets WHERE dst_port = ${port}
     GROUP BY interface ORDER BY interface`,
  );
  return Object.fromEntries(rows.map((row) => [`${row.interface}`, row.hits]));
}

const LOOKING = {
  rules: [{ name: "All", action: "block", protocol: "udp", direction: "in" }],
  rate_limit: { enabled: false },
};

kernelTest("an unknown interface is refused before anything changes", async () => {
  await using namespace = await NetworkNamespace.create();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  const before = await firewallText(namespace);
  for (const words of [["eth7"], ["lo", "eth7"], ["--monitor", "eth7"]]) {
    const { code, out, err } = await runPfw(namespace, sandbox, ["start", ...words]);
    deepEqual([code, out], [2, ""]);
    equal(err, "pfw: cannot capture on eth7: no such interface; interfaces here: lo, any\n");
  }
  const filter = ["start", "--monitor", "--filter", "no such expression"];
  const { code, err } = await runPfw(namespace, sandbox, filter);
  equal(code, 2);
  match(err, /^pfw: cannot capture on any: filter: [^\n]+; see pcap-filter\(7\)\n$/);
  equal(await firewallText(namespace), before);
});

kernelTest("several interfaces are watched, and only those", async () => {
  await using link = await createPair();
  const { local, remote } = link;
  for (const number of [1, 2]) await join(local, remote, number);
  await using some = new Sandbox();
  await using all = new Sandbox();
  for (const sandbox of [some, all]) sandbox.writeConfig(LOOKING);
  const words = ["--monitor", "veth-0", "veth-1", "veth-0"];
  await using several = await startPfw(local, some, words);
  await using any = await startPfw(local, all, ["--monitor"]);
  await Promise.all([0, 1, 2].map((number) => send(remote, number, 2001)));
  const wanted = { "veth-0": COUNT, "veth-1": COUNT };
  const total = (sandbox: Sandbox, sum: number) =>
    eventually(() => blockedHits(sandbox, "dst_port = 2001"), (hits) => hits >= sum);
  await total(some, 2 * COUNT);
  await total(all, 3 * COUNT);
  deepEqual(seen(some, 2001), wanted);
  deepEqual(seen(all, 2001), { ...wanted, "veth-2": COUNT });
  equal((await several.end()).code, 0);
  equal((await any.end()).code, 0);
});

kernelTest("all interfaces are protected, whichever are watched", async () => {
  await using link = await createPair();
  await join(link.local, link.remote, 1);
  await using sandbox = new Sandbox();
  sandbox.writeConfig(LOOKING);
  await using pfw = await startPfw(link.local, sandbox, ["veth-1"]);
  await send(link.remote, 0, 2001);
  await send(link.remote, 1, 2001);
  const hits = await eventually(() => blockedHits(sandbox), (hits) => hits >= 2 * COUNT);
  deepEqual([hits, ...Object.values(await dropCounters(link.local))], [2 * COUNT, 2 * COUNT]);
  const { totals } = await sandbox.status();
  equal(totals.blocked, 2 * COUNT);
  equal(totals.packets >= 2 * COUNT, true);
  equal((await pfw.end()).code, 0);
});

kernelTest("an interface that goes and comes back is watched again", async () => {
  await using link = await createPair();
  const { local, remote } = link;
  await join(local, remote, 1);
  await using sandbox = new Sandbox();
  sandbox.writeConfig(LOOKING);
  await using pfw = await startPfw(local, sandbox, ["--monitor", "veth-0", "veth-1"]);
  const reach = (port: number, sum: number) =>
    eventually(() => blockedHits(sandbox, `dst_port = ${port}`), (hits) => hits >= sum);
  await send(remote, 1, 2001);
  equal(await reach(2001, COUNT), COUNT);
  const isOpen = async (name: string) => {
    const { devices } = await sandbox.status();
    return devices.find((device: { name: string }) => device.name === name).open;
  };
  await local.run(["ip", "link", "delete", "veth-1"]);
  equal(await eventually(() => isOpen("veth-1"), (open) => !open), false);
  await send(remote, 0, 2002);
  equal(await reach(2002, COUNT), COUNT, "the other interface goes on");
  await join(local, remote, 1);
  equal(await eventually(() => isOpen("veth-1"), (open) => open), true);
  await send(remote, 1, 2003);
  equal(await reach(2003, COUNT), COUNT);
  deepEqual(seen(sandbox, 2003), { "veth-1": COUNT });
  equal((await pfw.end()).code, 0);
  const log = await Deno.readTextFile(sandbox.paths.log);
  match(log, /\w+ veth-1 is gone[^]*\w+ veth-1 is back/);
});

kernelTest(
  "interfaces that appear while pfw runs are protected and, with any, watched",
  async () => {
    await using link = await createPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig(LOOKING);
    await using pfw = await startPfw(link.local, sandbox);
    await join(link.local, link.remote, 1);
    await send(link.remote, 1, 2001);
    equal(await eventually(() => blockedHits(sandbox), (hits) => hits >= COUNT), COUNT);
    deepEqual(seen(sandbox, 2001), { "veth-1": COUNT });
    await link.local.run(["ip", "link", "set", "veth-0", "down"]);
    await link.local.run(["ip", "link", "set", "veth-0", "up"]);
    await send(link.remote, 0, 2002);
    equal(
      await eventually(() => blockedHits(sandbox, "dst_port = 2002"), (hits) => hits >= COUNT),
      COUNT,
    );
    equal((await pfw.end()).code, 0);
  },
);

kernelTest("an interface that is down keeps nobody from being protected", async () => {
  await using link = await createPair();
  const { local, remote } = link;
  await join(local, remote, 1);
  await using sandbox = new Sandbox();
  sandbox.writeConfig(LOOKING);
  const set = (state: string) => local.run(["ip", "link", "set", "veth-1", state]);
  await set("down");
  await using pfw = await startPfw(local, sandbox, ["veth-1"]);
  await send(remote, 0, 2001);
  equal(await eventually(() => blockedHits(sandbox), (hits) => hits >= COUNT), COUNT);
  const received = async () => {
    await send(remote, 1, 2002);
    const { devices } = await sandbox.status();
    return devices.find(({ name }: { name: string }) => name === "veth-1").received;
  };
  for (const _ of ["at the start", "while it runs"]) {
    await set("up");
    const before = await received();
    const after = await eventually(received, (count) => count > before);
    equal(after > before, true);
    await set("down");
  }
  equal((await pfw.end()).code, 0);
});
