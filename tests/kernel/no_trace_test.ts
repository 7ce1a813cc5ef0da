/** However pfw is ended, the kernel is afterwards what it was before, byte for byte. */
import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { firewallText, kernelTest, NetworkNamespace } from "../support/netns.ts";
import { RunningPfw, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const CONFIG = {
  default_policy: "block",
  rules: [
    { name: "Web", action: "allow", protocol: "tcp", ports: [80, "8000-8100"], direction: "in" },
    {
      name: "Nets",
      action: "block",
      source_ips: ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"],
    },
  ],
  blacklist_ips: ["203.0.113.0/24", "2001:db8:bad::/48"],
  whitelist_ips: ["127.0.0.1", "::1", "192.0.2.9"],
};

/** Rules and sets of somebody else, in our tables, beside our jumps and with policies. */
async function addOthers(namespace: NetworkNamespace): Promise<void> {
  const commands = [
    ["ipset", "create", "others", "hash:net"],
    ["ipset", "add", "others", "192.0.2.0/24"],
    ["iptables", "-N", "OTHERS"],
    ["iptables", "-A", "INPUT", "-m", "set", "--match-set", "others", "src", "-j", "OTHERS"],
    ["iptables", "-A", "OTHERS", "-p", "tcp", "--dport", "22", "-j", "ACCEPT"],
    ["iptables", "-P", "FORWARD", "DROP"],
    ["iptables", "-t", "raw", "-A", "OUTPUT", "-d", "192.0.2.5", "-j", "NOTRACK"],
    ["iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "lo", "-j", "MASQUERADE"],
    ["ip6tables", "-A", "OUTPUT", "-d", "2001:db8::5", "-j", "REJECT"],
  ];
  for (const argv of commands) await namespace.run(argv);
}

/** Ways to end pfw; each returns how it ended. */
const ENDINGS = {
  SIGTERM: (pfw: RunningPfw) => pfw.end("SIGTERM"),
  SIGINT: (pfw: RunningPfw) => pfw.end("SIGINT"),
  "SIGINT, hit several times": async (pfw: RunningPfw) => {
    for (let times = 0; times < 5; times++) {
      pfw.signal("SIGINT");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return await pfw.ended;
  },
  "pfw stop": async (pfw: RunningPfw, sandbox: Sandbox) => {
    deepEqual(await sandbox.pfw("stop"), {
      code: 0,
      out: "pfw stopped; the kernel is as it was before\n",
      err: "",
    });
    return await pfw.ended;
  },
};

for (const [place, prepare] of [["empty", () => {}], ["someone else's", addOthers]] as const) {
  kernelTest(`no trace stays in a kernel that was ${place}`, async (test) => {
    await using namespace = await NetworkNamespace.create();
    await using sandbox = new Sandbox();
    sandbox.writeConfig(CONFIG);
    await prepare(namespace);
    const before = await firewallText(namespace);
    for (const [name, end] of Object.entries(ENDINGS)) {
      await test.step(name, async () => {
        await using pfw = await startPfw(namespace, sandbox);
        const during = await firewallText(namespace);
        notEqual(during, before);
        match(during, /PFW-D-default_policy/);
        const { code, out, err } = await end(pfw, sandbox);
        equal(await firewallText(namespace), before);
        deepEqual([code, err], [0, ""]);
        match(out, /^pfw: stopped: \d+ packets, \d+ allowed, \d+ blocked$/m);
      });
    }
    await test.step("--duration", async () => {
      const { code, out, err } = await runPfw(namespace, sandbox, ["start", "--duration", "1s"]);
      deepEqual([code, err], [0, ""]);
      match(out, /^pfw: ready[^]*^pfw: stopped/m);
      equal(await firewallText(namespace), before);
    });
    await test.step("files of the run are gone, too", () => {
      const left = Array.from(Deno.readDirSync(sandbox.paths.runDir), ({ name }) => name);
      deepEqual(left.filter((name) => name !== "pfw.lock"), []);
    });
  });
}

kernelTest("a signal during the start leaves no trace either", async () => {
  await using namespace = await NetworkNamespace.create();
  await using sandbox = new Sandbox();
  const blacklist = Array.from({ length: 20_000 }, (_, at) => `11.${at >> 8}.${at & 255}.1`);
  sandbox.writeConfig({ ...CONFIG, blacklist_ips: blacklist });
  const before = await firewallText(namespace);
  let interrupted = 0;
  for (let delay = 100; delay <= 700; delay += 100) {
    await using pfw = new RunningPfw(namespace, sandbox, ["start"], {});
    await new Promise((resolve) => setTimeout(resolve, delay));
    if (!pfw.out.includes("ready")) interrupted++;
    await pfw.end("SIGTERM");
    equal(await firewallText(namespace), before, `after ${delay} ms`);
  }
  notEqual(interrupted, 0);
});

kernelTest("reloads that are under way at the end leave no trace either", async () => {
  await using namespace = await NetworkNamespace.create();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  const before = await firewallText(namespace);
  const blacklist = Array.from({ length: 20_000 }, (_, at) => `11.${at >> 8}.${at & 255}.1`);
  for (const delay of [0, 50, 150]) {
    await using pfw = await startPfw(namespace, sandbox);
    sandbox.writeConfig({ ...CONFIG, blacklist_ips: blacklist });
    // The second signal waits for the first one's reload, and the end comes between the two.
    for (const signal of ["SIGHUP", "SIGHUP", "SIGTERM"] as const) {
      pfw.signal(signal);
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
    equal((await pfw.ended).code, 0);
    equal(await firewallText(namespace), before, `signals ${delay} ms apart`);
    sandbox.writeConfig(CONFIG);
  }
});
