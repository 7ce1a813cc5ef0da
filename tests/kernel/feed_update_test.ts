/** A threat feed that changes every hour: what both lists name is blocked throughout. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { Commands } from "../../engine/kernel/command.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { enforcerIn, FaultyCommands } from "../support/enforcer.ts";
import { dropCounters } from "../support/flood.ts";
import { InjectedTraffic } from "../support/injected.ts";
import { createPair, kernelTestOnce, type Link, NetworkNamespace } from "../support/netns.ts";
import { policy } from "../support/policies.ts";
import { eventually } from "../support/running_pfw.ts";

const PORT = 2009;
const SIZE = 20_000;
/** One in a hundred. */
const CHANGED = SIZE / 100;
const UPDATES = 20;

/** The listed addresses that send, 11.0.0.0 and so on: in every list. */
const SENDERS = { from: [11, 0, 0, 0], sources: 4_096 } as const;
/** First of the other addresses: every list holds a window of them that moves on. */
const OTHERS = 0x0c000000;

/** The feed after so many updates. */
function listAfter(updates: number, size = SIZE): Policy {
  const words = Array.from(
    { length: size },
    (_, at) =>
      at < SENDERS.sources
        ? 0x0b000000 + at
        : OTHERS + 7 * (at - SENDERS.sources + updates * CHANGED),
  );
  const prefixes = words.map((word) =>
    ({ family: 4, words: [word, 0, 0, 0], length: 32 }) as const
  );
  return { ...policy(), threats: PrefixList.from(prefixes) };
}

/** Counts what is written into the kernel. */
class CountingCommands implements Commands {
  /** Runs of `iptables-restore`, and lines for `ipset restore`. */
  chains = 0;
  lines = 0;

  constructor(private readonly inner: Commands) {}

  async run(argv: readonly string[], stdin?: string | Iterable<string>) {
    if (/^ip6?tables-restore/.test(argv[0])) this.chains++;
    const text = typeof stdin === "string" ? stdin : [...stdin ?? []].join("");
    if (argv[1] === "restore") this.lines += text.split("\n").length - 1;
    return await this.inner.run(argv, stdin === undefined ? undefined : text);
  }

  reset(): void {
    this.chains = this.lines = 0;
  }
}

/** Counts behind pfw what it let through. */
async function countPassing({ local }: Link): Promise<void> {
  await local.run(["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0"]);
  await local.run(["sysctl", "-qw", "net.ipv4.conf.veth-0.rp_filter=0"]);
  for (const protocol of ["udp", "tcp"]) {
    const words = ["-p", protocol, "--dport", `${PORT}`, "-j", "ACCEPT"];
    await local.run(["iptables", "-A", "INPUT", ...words]);
  }
}

async function arrived({ local }: Link): Promise<number> {
  const saved = await local.run(["iptables-save", "-c"]);
  const counts = [...saved.matchAll(/^\[(\d+):\d+\] -A INPUT .*-j ACCEPT$/gm)];
  equal(counts.length, 2);
  return counts.reduce((sum, [, packets]) => sum + Number(packets), 0);
}

kernelTestOnce(
  `no packet of a listed address passes during ${UPDATES} updates of a feed`,
  async () => {
    await using link = await createPair();
    await countPassing(link);
    const directory = await Deno.makeTempDir();
    const commands = new CountingCommands(link.local.commands);
    const enforcer = enforcerIn(link.local, directory, commands);
    await enforcer.apply(listAfter(0));
    await using traffic = await InjectedTraffic.start(link, {
      ...SENDERS,
      port: PORT,
      protocol: "both",
      rate: 5_000,
    });
    await eventually(() => traffic.sent, (sent) => sent > 500);
    const before = traffic.sent, started = performance.now();
    for (let update = 1; update <= UPDATES; update++) {
      commands.reset();
      const { setEntries } = await enforcer.apply(listAfter(update));
      equal(setEntries, SIZE);
      equal(commands.lines, 2 * CHANGED, "what differs and no more");
      equal(commands.chains, 2, "what runs is judged again, in each family");
    }
    const sent = traffic.sent - before, milliseconds = performance.now() - started;
    ok(sent > milliseconds, `${sent} packets in ${Math.round(milliseconds)} ms`);
    equal(await arrived(link), 0);
    await enforcer.apply(policy());
    ok(
      await eventually(() => arrived(link), (count) => count > 0) > 0,
      "they arrive without a list",
    );
    await Deno.remove(directory, { recursive: true });
  },
);

kernelTestOnce("nor while a list grows, shrinks, or is taken over from a crash", async () => {
  await using link = await createPair();
  await countPassing(link);
  const directory = await Deno.makeTempDir();
  const entries = async () => {
    const text = await link.local.run(["ipset", "list", "-t", "pfw-threat4"]);
    return Number(/^Number of entries: (\d+)$/m.exec(text)?.[1]);
  };
  let enforcer = enforcerIn(link.local, directory);
  await enforcer.apply(listAfter(0));
  await using traffic = await InjectedTraffic.start(link, {
    ...SENDERS,
    port: PORT,
    protocol: "both",
    rate: 5_000,
  });
  await eventually(() => traffic.sent, (sent) => sent > 500);
  for (const [updates, size] of [[0, 60_000], [3, 8_000], [70, 40_000], [0, SIZE]]) {
    await enforcer.apply(listAfter(updates, size));
    equal(await entries(), size);
    enforcer = enforcerIn(link.local, directory);
  }
  // A name of ours that a killed process left, in the way of the next one that grows a list.
  await link.local.run(["ipset", "create", "pfw-threat4-new", "hash:net", "maxelem", "4194304"]);
  await link.local.run(["ipset", "add", "pfw-threat4-new", "192.0.2.0/24"]);
  await enforcer.apply(listAfter(2, 60_000));
  equal(await entries(), 60_000);
  equal(await arrived(link), 0);
  equal((await link.local.run(["ipset", "list", "-n"])).includes("-new"), false);
  ok((await dropCounters(link.local))["PFW-D-threat"] > 1_000);
  await Deno.remove(directory, { recursive: true });
});

/** Lets `ipset restore` read its input up to the swap of two sets, and fail there. */
class EndingBeforeSwap implements Commands {
  isOn = false;

  constructor(private readonly inner: Commands) {}

  async run(argv: readonly string[], stdin?: string | Iterable<string>) {
    const text = typeof stdin === "string" ? stdin : stdin && [...stdin].join("");
    const end = this.isOn && argv[1] === "restore" ? text?.indexOf("swap ") ?? -1 : -1;
    if (end < 0) return await this.inner.run(argv, text);
    await this.inner.run(argv, text?.slice(0, end));
    return { status: 1, stdout: "", stderr: "ended by a test\n" };
  }
}

kernelTestOnce("a list that fails to grow is as it was", async (test) => {
  await using namespace = await NetworkNamespace.create();
  const directory = await Deno.makeTempDir();
  const ending = new EndingBeforeSwap(namespace.commands);
  const faulty = new FaultyCommands(ending);
  const enforcer = enforcerIn(namespace, directory, faulty);
  const state = async () => [
    await namespace.run(["ipset", "list", "-n"]),
    await namespace.run(["ipset", "save", "-sorted", "pfw-threat4"]).then(withoutSizes),
  ];
  await enforcer.apply({ ...listAfter(1, 8_000), blacklist: PrefixList.parse(["192.0.2.1"]) });
  const before = await state();
  for (
    const [name, fault] of [
      ["before it begins", { failAt: 0, afterRunning: false }],
      ["when the new set is filled", { failAt: -1, afterRunning: false }],
      ["after the swap", { failAt: 0, afterRunning: true }],
      ["when the chains change", { failAt: 1, afterRunning: false }],
    ] as const
  ) {
    await test.step(name, async () => {
      Object.assign(faulty, fault);
      faulty.changes.length = 0;
      ending.isOn = fault.failAt < 0;
      await rejects(enforcer.apply(listAfter(2, SIZE)), /by a test/);
      faulty.failAt = -1;
      ending.isOn = false;
      deepEqual(await state(), before);
      deepEqual(await enforcer.restoreIfDrifted(), []);
    });
  }
  await Deno.remove(directory, { recursive: true });
});

function withoutSizes(saved: string): string {
  return saved.replace(/ (bucketsize|initval|hashsize) \S+/g, "");
}
