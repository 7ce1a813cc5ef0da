/** A flood from a million made-up sources: pfw stays small, counts it all, and serves who may. */
import { equal, ok } from "node:assert/strict";
import { createPair, kernelTest, type Link } from "../support/netns.ts";
import { dropCounters } from "../support/flood.ts";
import { ENDURANCE, InjectedTraffic } from "../support/injected.ts";
import { pfwCommand } from "../support/pfw.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { answers, startServer } from "../support/traffic.ts";

const SECONDS = ENDURANCE ? 60 : 6;
const SOURCES = 1 << 20;
const RATE = 50_000;
/** What pfw may grow by, in bytes. Only a built pfw tells V8 to be thrifty (build/runtime_flags.ts). */
const GROWTH = pfwCommand().kind === "built" ? 40_000_000 : 80_000_000;

/** Port 9 is closed; 2001 and 2002 are open, but for so many new connections from one source. */
const CONFIG = {
  rules: [
    { name: "No 9", action: "block", ports: [9], direction: "in" },
    { name: "No UDP to 2002", action: "block", protocol: "udp", ports: [2002], direction: "in" },
  ],
  rate_limit: { enabled: true, connections: 1000, seconds: 10 },
};

/** Bytes of pfw's own memory that are resident; code mapped from files is not growth. */
function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return 1024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]);
}

/** Answers from sources without a route must not be a reason to drop packets before pfw does. */
async function acceptAnySource({ local }: Link): Promise<void> {
  for (const name of ["all", "veth-0"]) {
    await local.run(["sysctl", "-qw", `net.ipv4.conf.${name}.rp_filter=0`]);
  }
}

kernelTest("a million spoofed sources: small, counted, and nobody else is shut out", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  await acceptAnySource(link);
  await using _server = await startServer(link.local, [9, 2001, 2002]);
  await using pfw = await startPfw(link.local, sandbox, ["veth-0"]);
  const stats = async () => JSON.parse((await sandbox.pfw("stats", "--json")).out).running;
  // What every flood brings about, however many sources it has: code is compiled, buffers grow.
  const flooding = { port: 9, protocol: "both", from: [11, 0, 0, 0], rate: RATE } as const;
  const warmUp = { ...flooding, sources: 1024, count: 2 * RATE };
  await using first = await InjectedTraffic.start(link, warmUp);
  let sent = await first.done();
  const before = residentBytes(pfw.pid);
  await using flood = await InjectedTraffic.start(link, { ...flooding, sources: SOURCES });
  let highest = 0;
  const end = performance.now() + SECONDS * 1000;
  for (let round = 0; performance.now() < end; round++) {
    const protocol = round % 2 === 0 ? "tcp" : "udp";
    const to = "10.9.0.1";
    ok(await answers(link.remote, { protocol, to, port: 2001 }), `${protocol} in round ${round}`);
    equal(await answers(link.remote, { protocol: "udp", to, port: 2002 }), false);
    equal(await answers(link.remote, { protocol, to, port: 9 }), false);
    highest = Math.max(highest, residentBytes(pfw.pid));
  }
  sent += await flood.end();
  // Every source had its turn in the long form.
  ok(sent > warmUp.count + (ENDURANCE ? SOURCES : SECONDS * 10_000), `only ${sent} packets`);
  const dropped = async () => {
    const counters = Object.values(await dropCounters(link.local));
    return counters.reduce((sum, packets) => sum + packets, 0);
  };
  ok(await eventually(dropped, (packets) => packets >= sent) >= sent);
  const total = await dropped();
  const { totals } = await eventually(stats, ({ totals }) => totals.blocked >= total);
  equal(totals.blocked, total, "what pfw counts is what the kernel dropped");
  equal(totals.byReason.rate_limit, undefined);
  const growth = highest - before;
  ok(growth < GROWTH, `grew by ${growth} bytes from ${before}`);
  equal((await pfw.end()).code, 0);
});
