/** While the kernel enforces, a tap takes some packets of many, and yet each one is counted. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { ask } from "../../engine/control/client.ts";
import {
  attachedPrograms,
  programTest,
  waitForPrograms,
  WITHOUT_BPF,
  WITHOUT_PROGRAMS,
} from "../support/bpf.ts";
import { SOURCES, startBudgetedRing } from "../support/budgeted.ts";
import { flood } from "../support/flood.ts";
import { kernelTest } from "../support/netns.ts";
import { quietPair } from "../support/quiet_pair.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

/** More than a tap takes in the time that sending them takes. */
const MANY = 20_000;
/** Has libpcap read the packets, which takes all of them. */
const BY_LIBPCAP = ["--filter", "greater 0"];

const CONFIG = {
  rules: [{ name: "No 2001", action: "block", protocol: "udp", ports: [2001], direction: "in" }],
  rate_limit: { enabled: false },
  detection: { enabled: false },
};

const WAYS = SOURCES.flatMap((source) =>
  ["veth-0", "any", "lo"].map((device) => ({ source, device }))
);

for (const { source, device } of WAYS) {
  const title = `tap budget: by the ${source} no packet and no byte is missing on ${device}`;
  const test = source === "programs" ? programTest : kernelTest;
  test(title, async () => {
    await using link = await quietPair();
    const { local, remote } = link;
    await using ours = new Sandbox();
    await using libpcaps = new Sandbox();
    for (const sandbox of [ours, libpcaps]) sandbox.writeConfig(CONFIG);
    const through = source === "programs" ? [] : WITHOUT_PROGRAMS;
    await using _enforcing = await startPfw(local, ours, [device], { through });
    const at = device === "any" ? "veth-0" : device;
    if (source === "programs") await waitForPrograms(local, at, device === "lo" ? [1, 0] : [1, 1]);
    await using _watching = await startPfw(local, libpcaps, ["--monitor", device, ...BY_LIBPCAP]);
    const udp = { protocol: "udp", from: "10.9.0.1", sourcePort: 40_001, count: MANY } as const;
    await flood(local, { ...udp, to: "10.9.0.1", port: 2002 });
    await flood(local, { ...udp, to: "10.9.0.2", port: 2002 });
    await flood(remote, { ...udp, from: "10.9.0.2", to: "10.9.0.1", port: 2002 });
    // What is dropped where nobody watches is known by its report, and is not for this test.
    if (device !== "lo") {
      await flood(remote, { ...udp, from: "10.9.0.2", to: "10.9.0.1", port: 2001 });
    }
    const wanted = { "veth-0": 3 * MANY, "any": 4 * MANY, "lo": MANY }[device]!;
    for (const sandbox of [ours, libpcaps]) {
      await eventually(() => sandbox.status(), ({ totals }) => totals.packets >= wanted);
    }
    const { totals, losses, devices } = await eventually(
      () => ours.status(),
      ({ totals }) => device === "lo" || totals.blocked === MANY,
    );
    const { totals: all } = await libpcaps.status();
    deepEqual([totals.packets, totals.bytes], [all.packets, all.bytes]);
    equal(totals.packets, wanted);
    if (source === "filter") deepEqual(await attachedPrograms(local, at), [0, 0]);
    ok(losses.countedOnly > wanted / 2, `only ${losses.countedOnly} were not looked at`);
    equal(losses.ringDrops, 0);
    const tap = devices.find(({ name }: { name: string }) => name === device);
    ok(tap.received < wanted / 2, `${tap.received} were looked at`);
    // Which of them were allowed is told by those that were looked at.
    const allowed = device === "lo" ? MANY : wanted - MANY;
    ok(Math.abs(totals.allowed - allowed) < wanted / 10, `${totals.allowed} allowed`);
  });
}

kernelTest("tap budget: whoever opens connections is always seen", async () => {
  await using link = await quietPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ ...CONFIG, rules: [] });
  await using _pfw = await startPfw(link.local, sandbox, ["veth-0"]);
  const ends = { from: "10.9.0.2", to: "10.9.0.1", sourcePort: 40_002 };
  await flood(link.remote, { ...ends, protocol: "tcp-syn", port: 2002, count: MANY });
  const { losses, devices } = await eventually(
    () => sandbox.status(),
    ({ totals }) => totals.packets >= 2 * MANY,
  );
  equal(losses.countedOnly, 0, "a SYN and the RST that answers it are looked at, each of them");
  const tap = devices.find(({ name }: { name: string }) => name === "veth-0");
  equal(tap.received, 2 * MANY);
});

kernelTest(
  "tap budget: a burst after a quiet time is looked at whole, one packet after another",
  async () => {
    await using link = await quietPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig({ ...CONFIG, rules: [] });
    await using _pfw = await startPfw(link.local, sandbox, ["veth-0"]);
    const udp = { protocol: "udp", from: "10.9.0.2", to: "10.9.0.1", sourcePort: 40_005 } as const;
    for (const sent of [900, 1_800]) {
      await flood(link.remote, { ...udp, port: 2002, count: 900 });
      const { totals, losses } = await eventually(
        () => sandbox.status(),
        ({ totals }) => totals.packets >= sent,
      );
      deepEqual([totals.packets, losses.countedOnly], [sent, 0]);
      // Longer than the budget takes to have as many again.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  },
);

for (const source of SOURCES) {
  const test = source === "programs" ? programTest : kernelTest;
  test(`tap budget: of a long flood the ${source} hand over some all the time, and each connection`, async () => {
    await using link = await quietPair();
    const budget = { packetsPerSecond: 1_600, burst: 1_024 }, floods = 80_000, syns = 4_000;
    const ends = { from: "10.9.0.2", to: "10.9.0.1", port: 2002, sourcePort: 40_006 };
    const all = floods + 2 * syns;
    await using ring = await startBudgetedRing(link.local, "veth-0", source, all, budget);
    const start = performance.now();
    await Promise.all([
      flood(link.remote, { ...ends, protocol: "udp", count: floods }),
      flood(link.remote, { ...ends, protocol: "tcp-syn", count: syns }),
    ]);
    const { kept, packets } = await ring.seen();
    const seconds = (performance.now() - start) / 1000;
    equal(kept.length + packets, all);
    // The protocol stands in the tenth byte behind Ethernet's header.
    const connections = kept.filter((packet) => packet.slice(46, 48) === "06").length;
    equal(connections, 2 * syns, "a SYN and the RST that answers it are looked at, each of them");
    // Connections use the budget up as well, and how many processors are at work is the kernel's choice.
    const looked = kept.length - connections, rate = budget.packetsPerSecond * seconds;
    ok(looked > (budget.burst + rate) / 2, `${looked} in ${seconds} s`);
    const most = 2 * navigator.hardwareConcurrency * (budget.burst + rate);
    ok(looked < most, `${looked} in ${seconds} s`);
  });
}

kernelTest("tap budget: it begins with enforcing and ends with it", async () => {
  await using link = await quietPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ ...CONFIG, rules: [] });
  await using _pfw = await startPfw(link.local, sandbox, ["--monitor", "veth-0"]);
  const udp = { protocol: "udp", from: "10.9.0.2", to: "10.9.0.1", sourcePort: 40_003 } as const;
  let sent = 0, counted = 0;
  const send = async (isEnforcing: boolean) => {
    await flood(link.remote, { ...udp, port: 2002, count: MANY });
    sent += MANY;
    const { totals, losses } = await eventually(
      () => sandbox.status(),
      // The machine may answer that nobody listens.
      ({ totals }) => totals.byDirection.incoming >= sent,
    );
    equal(totals.byDirection.incoming, sent);
    equal(losses.countedOnly > counted, isEnforcing, "where pfw alone judges it looks at all");
    counted = losses.countedOnly;
  };
  await send(false);
  for (const mode of ["enforce", "monitor"]) {
    equal((await ask(sandbox.paths, "POST", "/mode", { mode }))?.status, 200);
    await send(mode === "enforce");
  }
});

kernelTest(
  "tap budget: where the kernel refuses the filter, every packet is looked at",
  async () => {
    await using link = await quietPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig({ ...CONFIG, rules: [] });
    await using _pfw = await startPfw(link.local, sandbox, ["veth-0"], { through: WITHOUT_BPF });
    const udp = { protocol: "udp", from: "10.9.0.2", to: "10.9.0.1", sourcePort: 40_004 } as const;
    await flood(link.remote, { ...udp, port: 2002, count: MANY });
    const { totals, losses } = await eventually(
      () => sandbox.status(),
      ({ totals }) => totals.byDirection.incoming >= MANY,
    );
    equal(totals.byDirection.incoming, MANY);
    deepEqual([losses.countedOnly, losses.ringDrops], [0, 0]);
  },
);
