/**
 * A machine with the firewall between two others, all of them network namespaces. Every address is
 * the machine's own on one link and beyond it on another, so that any packet can go any way:
 *
 *     remote ── veth-0 ──► local (delivered)          local ── veth-0 ──► remote
 *     remote ── veth-2 ──► local ── veth-1 ──► server, and back through veth-1
 *
 * Nobody else says anything: `remote` and `server` have no addresses, and what the machine's own
 * stack answers is dropped before connection tracking sees it.
 */
import type { Commands } from "../../engine/kernel/command.ts";
import type { Enforcer } from "../../engine/kernel/enforcer.ts";
import { enforcerIn, Unsettled } from "../support/enforcer.ts";
import { NetworkNamespace } from "../support/netns.ts";
import { PASS_GROUP, type SendReply, type SendRequest, SENT_MARK } from "./lab_protocol.ts";
import { type Fate, policyOf, type PolicyText, type Shot } from "./scenario.ts";

const AGENT = new URL("./agent.ts", import.meta.url).pathname;

/** Both ends of each link; frames are sent to the first. */
const LOCAL_MAC = "02:00:00:00:00:01", OTHER_MAC = "02:00:00:00:00:02";

/** What the kernel did with a batch of packets. */
export interface KernelFates {
  /** By place in the batch; `undefined`: neither reported as dropped nor seen to pass. */
  readonly fates: readonly (Fate | undefined)[];
  /** What our chains counted meanwhile: lines of `iptables-save -c`, by family, table and place. */
  readonly counters: ReadonlyMap<string, number>;
}

/** Which of its two ways iptables takes to the kernel. */
export type Backend = "default" | "legacy";

/** The backend's name of a tool. */
function toolOf(backend: Backend, tool: string): string {
  return backend === "legacy" ? tool.replace(/^ip6?tables/, "$&-legacy") : tool;
}

/** The namespaces, the enforcer and the agent; `await using` removes them. */
export class Lab implements AsyncDisposable {
  #batches = 0;
  #policies = 0;

  private constructor(
    readonly local: NetworkNamespace,
    readonly enforcer: Enforcer,
    readonly unsettled: Unsettled,
    readonly agent: Agent,
    readonly backend: Backend,
    readonly owned: AsyncDisposable,
  ) {}

  static async create(backend: Backend = "default"): Promise<Lab> {
    await using made = new AsyncDisposableStack();
    const [local, remote, server] = [
      made.use(await NetworkNamespace.create()),
      made.use(await NetworkNamespace.create()),
      made.use(await NetworkNamespace.create()),
    ];
    const directory = await Deno.makeTempDir({ prefix: "pfw-lab-" });
    made.defer(() => Deno.remove(directory, { recursive: true }));
    await connect(local, remote, server);
    await countPassing(local, backend);
    const agent = made.use(new Agent(local.name, remote.name, server.name));
    await agent.ready();
    const commands: Commands = {
      run: ([tool, ...args], stdin) => local.commands.run([toolOf(backend, tool), ...args], stdin),
    };
    const unsettled = new Unsettled(commands);
    const enforcer = enforcerIn(local, directory, unsettled);
    const owned = made.move();
    return new Lab(local, enforcer, unsettled, agent, backend, {
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    });
  }

  /**
   * The policy with a rate limit that this kernel has not counted yet: a table of `hashlimit` lives
   * on for a while after the last rule that named it. A second more or less in an hour is nothing.
   */
  fresh(policy: PolicyText): PolicyText {
    const { rateLimit } = policy;
    if (!rateLimit) return policy;
    return { ...policy, rateLimit: { ...rateLimit, seconds: 3600 + this.#batches++ } };
  }

  /** Applies a policy, forgets every connection, sends the packets and says what became of them. */
  async fire(policy: PolicyText, shots: readonly Shot[]): Promise<KernelFates> {
    // Every other policy is met as it is enforced at first, by chains that stand in for others.
    this.unsettled.isOn = this.#policies++ % 2 === 1;
    await this.enforcer.applyFirst(policyOf(policy));
    await this.enforcer.settled();
    const before = await this.#counters();
    const reply = await this.agent.send({
      frames: shots.flatMap(({ way, pieces }) =>
        pieces.map((piece) => [way, (way === "out" ? piece : inFrame(piece)).toBase64()] as const)
      ),
      expected: shots.length,
    });
    const after = await this.#counters();
    for (const [key, count] of before) after.set(key, (after.get(key) ?? 0) - count);
    return { fates: fatesOf(shots, reply), counters: after };
  }

  /** Packets counted by each rule of our chains. */
  async #counters(): Promise<Map<string, number>> {
    const counters = new Map<string, number>();
    const [save4, save6] = ["iptables-save", "ip6tables-save"]
      .map((tool) => toolOf(this.backend, tool));
    const script = `${save4} -c; echo '#6'; ${save6} -c`;
    const text = await this.local.run(["sh", "-c", script]);
    text.split("#6\n").forEach((part, at) => readCounters(part, at === 0 ? 4 : 6, counters));
    return counters;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.owned[Symbol.asyncDispose]();
  }
}

/** What stands in for a chain counts as that chain. */
function readCounters(text: string, family: number, counters: Map<string, number>): void {
  let table = "";
  const places = new Map<string, number>();
  const superseded = new Set<string>();
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1);
    const rule = /^\[(\d+):\d+\] -A (PFW-\S+)(?: -g PFW-NEXT-)?/.exec(line);
    if (!rule) continue;
    const chain = rule[2].replace("PFW-NEXT-", "PFW-");
    const key = `${family} ${table} ${chain}`;
    if (rule[0].endsWith(" -g PFW-NEXT-")) superseded.add(key);
    if (chain === rule[2] && superseded.has(key)) continue;
    const place = (places.get(key) ?? 0) + 1;
    places.set(key, place);
    counters.set(`${key} ${place}`, Number(rule[1]));
  }
}

function fatesOf(shots: readonly Shot[], { reports }: SendReply): (Fate | undefined)[] {
  const byId = new Map<number, string>();
  for (const [id, prefix] of reports) {
    const fate = prefix === "pass" ? prefix : `drop ${prefix.replace(/^pfw:/, "")}`;
    const other = byId.get(id);
    byId.set(id, other === undefined ? fate : `${other} and ${fate}`);
  }
  return shots.map(({ id }) => byId.get(id));
}

function inFrame(packet: Uint8Array): Uint8Array {
  const addresses = [LOCAL_MAC, OTHER_MAC].flatMap((text) =>
    text.split(":").map((byte) => parseInt(byte, 16))
  );
  const type = packet[0] >> 4 === 4 ? [0x08, 0x00] : [0x86, 0xdd];
  return Uint8Array.from([...addresses, ...type, ...packet]);
}

const LINKS = [
  { name: "veth-0", end: "remote" },
  { name: "veth-1", end: "server" },
  { name: "veth-2", end: "remote" },
] as const;

async function connect(
  local: NetworkNamespace,
  remote: NetworkNamespace,
  server: NetworkNamespace,
): Promise<void> {
  const ends = { remote, server };
  for (const namespace of [remote, server]) {
    await namespace.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]);
    await namespace.run(["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"]);
  }
  await allowEverySource(local);
  for (const [number, { name, end }] of LINKS.entries()) {
    const peer = ["peer", "name", name, "address", OTHER_MAC, "netns", ends[end].name];
    await local.run(["ip", "link", "add", name, "address", LOCAL_MAC, "type", "veth", ...peer]);
    await local.run(["ip", "address", "add", `10.9.${number}.1/24`, "dev", name]);
    await local.run(["ip", "address", "add", `fd09:${number}::1/64`, "dev", name, "nodad"]);
    await ends[end].run(["ip", "link", "set", name, "up"]);
    await local.run(["ip", "link", "set", name, "up"]);
    const lladdr = ["lladdr", OTHER_MAC, "nud", "permanent", "dev", name];
    await local.run(["ip", "neigh", "replace", `10.9.${number}.2`, ...lladdr]);
    await local.run(["ip", "neigh", "replace", `fd09:${number}::2`, ...lladdr]);
  }
  await addRoutes(local);
}

/** Sources are anything here: neither their way back nor that one may be our own is of interest. */
async function allowEverySource(local: NetworkNamespace): Promise<void> {
  const settings = [
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    // The matcher does not follow TCP windows: docs/architecture.md, "Where the matcher knows less".
    "net.netfilter.nf_conntrack_tcp_be_liberal=1",
  ];
  for (const scope of ["all", "default"]) {
    settings.push(
      `net.ipv4.conf.${scope}.rp_filter=0`,
      `net.ipv4.conf.${scope}.accept_local=1`,
      `net.ipv4.conf.${scope}.accept_redirects=0`,
      `net.ipv4.conf.${scope}.send_redirects=0`,
      `net.ipv6.conf.${scope}.accept_redirects=0`,
      `net.ipv6.conf.${scope}.accept_ra=0`,
    );
  }
  for (const setting of settings) await local.run(["sysctl", "-qw", setting]);
}

/** Everything that comes by veth-0 is for the machine, by veth-2 for the server. */
async function addRoutes(local: NetworkNamespace): Promise<void> {
  for (const family of ["-4", "-6"]) {
    const via = (number: number) => {
      const gateway = family === "-4" ? `10.9.${number}.2` : `fd09:${number}::2`;
      return ["default", "via", gateway, "dev", `veth-${number}`];
    };
    const add = (...words: string[]) => local.run(["ip", family, "route", "add", ...words]);
    await add(...via(0));
    await add("local", family === "-4" ? "0.0.0.0/0" : "::/0", "dev", "lo", "table", "100");
    await add(...via(1), "table", "101");
    await add(...via(0), "table", "102");
    for (const [link, table] of [["veth-0", 100], ["veth-2", 101], ["veth-1", 102]]) {
      await local.run(["ip", family, "rule", "add", "iif", `${link}`, "lookup", `${table}`]);
    }
  }
}

/** Rules of the test's own, after those of pfw: they report what passes, and keep the stack quiet. */
async function countPassing(local: NetworkNamespace, backend: Backend): Promise<void> {
  const report = `-j NFLOG --nflog-prefix pass --nflog-group ${PASS_GROUP} --nflog-size 128 ` +
    "--nflog-threshold 64";
  const rules = `*raw
-A OUTPUT ! -o lo -m mark ! --mark ${SENT_MARK} -j DROP
COMMIT
*filter
-A INPUT ${report}
-A FORWARD ${report}
-A OUTPUT ${report}
COMMIT
`;
  for (const tool of ["iptables-restore", "ip6tables-restore"]) {
    await local.run([toolOf(backend, tool)], rules);
  }
}

/** The process that sends and listens. */
class Agent implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(local: string, remote: string, server: string) {
    const deno = [Deno.execPath(), "run", "--quiet", "--allow-all", AGENT];
    this.#child = new Deno.Command("ip", {
      args: ["netns", "exec", local, ...deno, local, remote, server],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async ready(): Promise<void> {
    if (await this.#line() !== "ready") throw new Error("the agent did not start");
  }

  async send(request: SendRequest): Promise<SendReply> {
    await this.#writer.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
    return JSON.parse(await this.#line());
  }

  async #line(): Promise<string> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("the agent ended");
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel();
    await this.#child.status;
  }
}
