/** Monitor mode: looks on, counts what tcpdump counts, and leaves the kernel alone. */
import { deepEqual, equal, match } from "node:assert/strict";
import { createPair, firewallText, kernelTest, type Link } from "../support/netns.ts";
import { flood, query } from "../support/flood.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

/** Nothing here speaks on its own account with these, unlike with neighbour discovery. */
const FILTER = "tcp or udp or icmp";
const EACH = 2_000;

/** `tcpdump` on the local end. */
class Tcpdump implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #errors: ReadableStreamDefaultReader<string>;
  #text = "";

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#errors = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async start(link: Link): Promise<Tcpdump> {
    const words = ["tcpdump", "-n", "-i", "veth-0", "-B", "65536", "-s", "128", "-w", "/dev/null"];
    const command = new Deno.Command("ip", {
      args: ["netns", "exec", link.local.name, ...words, FILTER],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    });
    const tcpdump = new Tcpdump(command.spawn());
    while (!/listening on/.test(tcpdump.#text)) await tcpdump.#read();
    return tcpdump;
  }

  /** Ends it and returns its count, which includes what it had not looked at yet. */
  async count(): Promise<number> {
    this.#child.kill("SIGINT");
    while (await this.#read());
    match(this.#text, /^0 packets dropped by kernel$/m);
    return Number(/^(\d+) packets received by filter$/m.exec(this.#text)?.[1]);
  }

  async #read(): Promise<boolean> {
    const { value, done } = await this.#errors.read();
    this.#text += value ?? "";
    return !done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#errors.cancel();
    await this.#child.status;
  }
}

/** Both families, both directions, three protocols. */
async function makeTraffic({ local, remote }: Link): Promise<void> {
  const udp = { protocol: "udp", sourcePort: 40_001, count: EACH } as const;
  await Promise.all([
    flood(remote, { ...udp, from: "10.9.0.2", to: "10.9.0.1", port: 2001 }),
    flood(remote, { ...udp, from: "fd09::2", to: "fd09::1", port: 2002 }),
    flood(local, { ...udp, from: "10.9.0.1", to: "10.9.0.2", port: 2003 }),
    flood(local, { ...udp, protocol: "tcp-syn", from: "10.9.0.1", to: "10.9.0.2", port: 2004 }),
  ]);
}

kernelTest("monitor mode counts what tcpdump counts and changes nothing", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({
    default_policy: "block",
    blacklist_ips: ["fd09::2"],
    rules: [
      { name: "No 2001", action: "block", protocol: "udp", ports: [2001] },
      { name: "All else", action: "allow" },
    ],
    rate_limit: { enabled: false },
  });
  await link.local.run(["iptables", "-A", "OUTPUT", "-d", "192.0.2.1", "-j", "DROP"]);
  const before = await firewallText(link.local);
  await using pfw = await startPfw(link.local, sandbox, [
    "veth-0",
    "--monitor",
    "--json",
    "--filter",
    FILTER,
  ]);
  await using tcpdump = await Tcpdump.start(link);
  await makeTraffic(link);
  equal(await firewallText(link.local), before);
  const seen = async () => JSON.parse((await sandbox.pfw("stats", "--json")).out).running;
  const running = await eventually(seen, (now) => now?.totals.packets >= 4 * EACH);
  equal(running?.mode, "monitor");
  const { code, out } = await pfw.end();
  equal(code, 0);
  const { mode, totals, losses } = JSON.parse(out);
  equal(totals.packets, await tcpdump.count());
  deepEqual([mode, totals.blocked, losses.ringDrops], ["monitor", 0, 0]);
  equal(totals.allowed + totals.wouldBlock, totals.packets);
  equal(totals.byReason.blacklist.wouldBlock >= EACH, true);
  equal(totals.byReason.rule.wouldBlock, EACH);
  const rows = query(
    sandbox,
    "SELECT action, reason_code, sum(hits) AS hits FROM blocked_packets GROUP BY 1, 2 ORDER BY 2",
  );
  deepEqual(rows, [
    {
      action: "would_block",
      reason_code: "blacklist",
      hits: totals.byReason.blacklist.wouldBlock,
    },
    { action: "would_block", reason_code: "rule", hits: EACH },
  ]);
  equal(await firewallText(link.local), before);
}, ["tcpdump"]);

kernelTest("monitor mode runs beside a pfw that enforces", async () => {
  await using link = await createPair();
  await using enforcing = new Sandbox();
  await using looking = new Sandbox();
  enforcing.writeConfig({ blacklist_ips: ["10.9.0.2"] });
  looking.writeConfig({});
  await using first = await startPfw(link.local, enforcing);
  const during = await firewallText(link.local);
  await using second = await startPfw(link.local, looking, ["--monitor"]);
  equal((await looking.pfw("stop")).code, 0);
  equal((await second.ended).code, 0);
  equal(
    (await firewallText(link.local)).replace(/\[\d+:\d+\]/g, ""),
    during.replace(/\[\d+:\d+\]/g, ""),
  );
  equal((await first.end()).code, 0);
});
