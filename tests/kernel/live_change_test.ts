/** A change made by a command while pfw runs is in the kernel when the command returns. */
import { deepEqual, equal, match } from "node:assert/strict";
import { createPair, kernelTest, type Link } from "../support/netns.ts";
import { Probes } from "../support/probes.ts";
import { startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { keepTalking } from "../support/traffic.ts";

interface Cut {
  readonly name: string;
  /** Which end opened the connection. */
  readonly opener: keyof Link;
  readonly to: string;
  readonly change: string[];
  readonly undo: string[];
}

const RULE = ["rules", "add", "Cut", "block", "--protocol", "tcp", "--ports", "2001"];
const REMOVE_RULE = ["rules", "remove", "1"];

const CUTS: Cut[] = [
  {
    name: "a rule for a connection that others opened",
    opener: "remote",
    to: "10.9.0.1",
    change: [...RULE, "--direction", "in"],
    undo: REMOVE_RULE,
  },
  {
    name: "a rule for a connection that this host opened",
    opener: "local",
    to: "10.9.0.2",
    change: [...RULE, "--direction", "out"],
    undo: REMOVE_RULE,
  },
  {
    name: "a rule for both directions, IPv6",
    opener: "remote",
    to: "fd09::1",
    change: RULE,
    undo: REMOVE_RULE,
  },
  {
    name: "a blacklisted peer",
    opener: "remote",
    to: "10.9.0.1",
    change: ["blacklist", "add", "10.9.0.2"],
    undo: ["blacklist", "remove", "10.9.0.2"],
  },
  {
    name: "a blacklisted range of IPv6 that this host talks to",
    opener: "local",
    to: "fd09::2",
    change: ["blacklist", "add", "fd09::/120"],
    undo: ["blacklist", "remove", "fd09::/120"],
  },
];

kernelTest("a new rule or list entry cuts the connection that runs", async (test) => {
  await using link = await createPair();
  await using _probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  await using _pfw = await startPfw(link.local, sandbox);
  for (const { name, opener, to, change, undo } of CUTS) {
    await test.step(name, async () => {
      await using client = keepTalking(link[opener], { protocol: "tcp", to, port: 2001 });
      equal(await client.line(), "echo");
      const { code, out, err } = await sandbox.pfw(...change);
      deepEqual([code, err], [0, ""]);
      match(out, /: in the kernel now \(\d+ ms\)\n$/);
      let line = await client.line();
      while (line === "echo") line = await client.line();
      equal(line, "silence");
      equal((await sandbox.pfw(...undo)).code, 0);
    });
  }
});

kernelTest("a change is in force when its command returns, and so is its end", async (test) => {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  await using _pfw = await startPfw(link.local, sandbox);
  const rest = ["in udp 2002 10.9.0.2", "out icmp fd09::3"];
  const changes: [on: string[], off: string[], probes: string[]][] = [
    [[...RULE], ["rules", "toggle", "1"], ["in tcp 2001 10.9.0.2", "out tcp 2001 fd09::2"]],
    [["rules", "toggle", "1"], ["rules", "remove", "1"], ["in tcp 2001 fd09::1:2"]],
    [
      ["blacklist", "add", "10.9.0.128/25", "fd09::1:2"],
      ["whitelist", "add", "10.9.0.130", "fd09::1:0/112"],
      ["in udp 2001 10.9.0.130", "out udp 2001 fd09::1:2"],
    ],
  ];
  for (const [on, off, concerned] of changes) {
    await test.step(on.join(" "), async () => {
      equal((await sandbox.pfw(...on)).code, 0);
      await probes.expect({ blocked: concerned, passes: rest });
      equal((await sandbox.pfw(...off)).code, 0);
      await probes.expect({ blocked: [], passes: [...concerned, ...rest] });
    });
  }
});

kernelTest("many changes at once end up whole in file and kernel", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  await using _pfw = await startPfw(link.local, sandbox);
  const addresses = Array.from({ length: 12 }, (_, at) => `192.0.2.${at + 1}`);
  const runs = await Promise.all(addresses.map((ip) => sandbox.pfw("blacklist", "add", ip)));
  deepEqual(runs.map(({ code, err }) => [code, err]), addresses.map(() => [0, ""]));
  deepEqual(sandbox.readConfig().blacklist_ips.sort(), addresses.sort());
  const saved = await link.local.run(["ipset", "save", "pfw-black4", "-sorted"]);
  deepEqual(Array.from(saved.matchAll(/^add \S+ (\S+)$/gm), ([, ip]) => ip).sort(), addresses);
});
