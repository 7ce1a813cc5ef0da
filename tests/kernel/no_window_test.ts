/** Whatever becomes of pfw and its policy: what is blocked before and after is blocked throughout. */
import { equal, match, ok } from "node:assert/strict";
import { createPair, kernelTest, type Link } from "../support/netns.ts";
import { ENDURANCE, InjectedTraffic } from "../support/injected.ts";
import { eventually, type RunningPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const PORT = 2009;
/** A datagram and a SYN each millisecond. */
const PROBES = { port: PORT, protocol: "both", rate: 2_000 } as const;
const RELOADS = ENDURANCE ? 100 : 25;
const RESTARTS = ENDURANCE ? 20 : 4;

const BLOCK = { name: "Closed", action: "block", ports: [PORT], direction: "in" };
const OTHER = { name: "Other", action: "block", protocol: "udp", ports: ["3000-3010"] };
const SERVICE = { name: "Service", action: "allow", protocol: "tcp", ports: [2001] };
const NETS = {
  name: "Nets",
  action: "block",
  source_ips: ["192.0.2.0/24", "198.51.100.7", "10.9.0.0/25"],
  ports: [PORT, "5000-5100"],
};

/** Each blocks the probes, by other means than its neighbours. */
const POLICIES: readonly Record<string, unknown>[] = [
  { rules: [BLOCK] },
  { rules: [OTHER, SERVICE, BLOCK] },
  { rules: [SERVICE, BLOCK, OTHER], blacklist_ips: ["203.0.113.0/24"] },
  { rules: [SERVICE, OTHER], blacklist_ips: ["10.9.0.2"] },
  { rules: [], blacklist_ips: ["10.9.0.0/24", "2001:db8::/32"] },
  { rules: [NETS], whitelist_ips: ["192.0.2.9"] },
  { rules: [SERVICE], default_policy: "block" },
  { rules: [{ ...BLOCK, name: "Closed again" }], rate_limit: { enabled: true, connections: 5 } },
  { rules: [OTHER], default_policy: "block", blacklist_ips: ["0.0.0.0/0"] },
];

function configFor(step: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  const chosen = POLICIES[step % POLICIES.length];
  // The sender shall be blocked by the policy alone: a ban would hide a window.
  const off = { rate_limit: { enabled: false }, detection: { enabled: false } };
  return { ...off, ...chosen, ...more };
}

/** Counts behind pfw what it let through, whoever would have taken it. */
async function countPassing({ local }: Link): Promise<void> {
  for (const protocol of ["udp", "tcp"]) {
    const words = ["-p", protocol, "--dport", `${PORT}`, "-j", "ACCEPT"];
    await local.run(["iptables", "-A", "INPUT", ...words]);
  }
}

/** Datagrams and SYNs that arrived. */
async function arrived({ local }: Link): Promise<number> {
  const saved = await local.run(["iptables-save", "-c"]);
  const counts = [...saved.matchAll(/^\[(\d+):\d+\] -A INPUT .*-j ACCEPT$/gm)];
  equal(counts.length, 2);
  return counts.reduce((sum, [, packets]) => sum + Number(packets), 0);
}

/** Probes that are sent in the background, none of which may arrive while `run` goes on. */
async function whileProbed(link: Link, run: () => Promise<RunningPfw>): Promise<void> {
  await using probes = await InjectedTraffic.start(link, PROBES);
  await eventually(() => probes.sent, (sent) => sent > 100);
  const before = probes.sent, started = performance.now();
  await using last = await run();
  const sent = probes.sent - before, milliseconds = performance.now() - started;
  equal(await arrived(link), 0);
  ok(sent > milliseconds, `${sent} probes in ${Math.round(milliseconds)} ms`);
  equal((await last.end()).code, 0);
  ok(await eventually(() => arrived(link), (count) => count > 0) > 0, "probes arrive without pfw");
}

kernelTest(`no probe arrives during ${RELOADS} reloads`, async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(configFor(0));
  await countPassing(link);
  const first = await startPfw(link.local, sandbox);
  await whileProbed(link, async () => {
    const reloads = () =>
      Deno.readTextFileSync(sandbox.paths.log).match(/ reloaded: /g)?.length ?? 0;
    for (let step = 1; step <= RELOADS; step++) {
      sandbox.writeConfig(configFor(step));
      first.signal("SIGHUP");
      equal(await eventually(reloads, (count) => count >= step), step);
    }
    return first;
  });
});

kernelTest(`no probe arrives during ${RESTARTS} ends by kill -9 and starts`, async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(configFor(0));
  await countPassing(link);
  const first = await startPfw(link.local, sandbox);
  await whileProbed(link, async () => {
    let pfw = first;
    for (let step = 1; step <= RESTARTS; step++) {
      equal((await pfw.end("SIGKILL")).code, 128 + 9);
      sandbox.writeConfig(configFor(step));
      pfw = await startPfw(link.local, sandbox);
    }
    return pfw;
  });
});

kernelTest(`no probe arrives during ${RESTARTS} restarts with on_exit "keep"`, async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  const keep = { on_exit: "keep" };
  sandbox.writeConfig(configFor(0, keep));
  await countPassing(link);
  const first = await startPfw(link.local, sandbox);
  await whileProbed(link, async () => {
    let pfw = first;
    for (let step = 1; step <= RESTARTS; step++) {
      const { code, out } = await pfw.end();
      equal(code, 0);
      match(out, /pfw: stopped: /);
      sandbox.writeConfig(configFor(step, step < RESTARTS ? keep : {}));
      pfw = await startPfw(link.local, sandbox);
    }
    return pfw;
  });
});
