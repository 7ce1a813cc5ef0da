/**
 * The rate limit with real connections: a burst passes as a whole, then the rate and no more, for
 * each source on its own; and the matcher says the same of the same packets.
 */
import { equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { type Family, formatAddress } from "../../engine/net/address.ts";
import { Direction, type ParsedPacket, TcpFlag } from "../../engine/packet/packet.ts";
import { Matcher } from "../../engine/policy/matcher.ts";
import { Reason, reasonOf } from "../../engine/policy/verdict.ts";
import { hasLibpcap, readCapture } from "../support/capture_reader.ts";
import { enforcerIn } from "../support/enforcer.ts";
import { dropCounters } from "../support/flood.ts";
import { createPair, kernelTestOnce, type Link } from "../support/netns.ts";
import { policy } from "../support/policies.ts";
import { eventually } from "../support/running_pfw.ts";

const PORT = 2001;
/** The default of the configuration. */
const LIMIT = { connections: 100, seconds: 10 };
const POLICY = policy({ rateLimit: LIMIT });
const TOLERANCE = 0.02;
const SECONDS = 6;

/** Who asks: sources that share a bucket take turns. */
interface Client {
  readonly name: string;
  readonly sources: readonly string[];
  readonly to: string;
  /** Connections a second. */
  readonly rate: number;
}

const CLIENTS: readonly Client[] = [
  { name: "IPv4", sources: ["10.9.0.2"], to: "10.9.0.1", rate: 300 },
  { name: "another IPv4", sources: ["10.9.0.3"], to: "10.9.0.1", rate: 12 },
  { name: "an IPv6 /64", sources: ["fd09::2", "fd09::3"], to: "fd09::1", rate: 300 },
  { name: "another /64", sources: ["fd09:0:0:1::2"], to: "fd09::1", rate: 12 },
];

/** Accepts, and prints from where; at last `end`, once somebody asks from loopback. */
const SERVER = `
import selectors, socket, sys
poll = selectors.DefaultSelector()
for family, any in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((any, int(sys.argv[1])))
    s.listen(4096)
    poll.register(s, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in poll.select():
        connection, peer = key.fileobj.accept()
        connection.close()
        print("end" if peer[0] in ("127.0.0.1", "::1") else peer[0], flush=True)
`;

/** Opens connections at each client's rate, and catches up where it was held up. */
const CONNECT = `
import json, resource, socket, sys, time
clients, port, seconds = json.loads(sys.argv[1])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
opened = [[] for _ in clients]
start = time.monotonic()
while True:
    now = time.monotonic() - start
    if now >= seconds:
        break
    for client, sockets in zip(clients, opened):
        while len(sockets) <= now * client["rate"]:
            source = client["sources"][len(sockets) % len(client["sources"])]
            s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_STREAM)
            s.setblocking(False)
            s.bind((source, 0))
            s.connect_ex((client["to"], port))
            sockets.append(s)
    time.sleep(0.001)
time.sleep(0.3)
print(json.dumps([len(sockets) for sockets in opened]))
`;

/** Accepted connections by source, as the receiving end counts them. */
async function connectAll(link: Link): Promise<{ opened: number[]; accepted: string[] }> {
  await using server = link.local.spawn(["python3", "-c", SERVER, `${PORT}`]);
  equal(await server.line(), "ready");
  const words = JSON.stringify([CLIENTS, PORT, SECONDS]);
  const opened = JSON.parse(await link.remote.run(["python3", "-c", CONNECT, words]));
  for (const address of ["127.0.0.1", "::1"]) {
    await link.local.run(["nc", "-z", address, `${PORT}`]);
  }
  const accepted: string[] = [];
  for (let ends = 0; ends < 2;) {
    const line = await server.line();
    ok(line !== undefined, "the server ended");
    if (line === "end") ends++;
    else accepted.push(line);
  }
  return { opened, accepted };
}

/** What the capture says of one client. */
class Seen {
  /** Seconds, ascending: attempts that arrived, and those that were answered. */
  readonly attempts: number[] = [];
  readonly answered: number[] = [];
  /** Attempts that the matcher does not find above the limit. */
  matched = 0;

  /** Of the attempts until then, those that the limit lets pass. */
  expectedUntil(end: number): number {
    const until = this.attempts.filter((time) => time <= end);
    const filled = (end - this.attempts[0]) * LIMIT.connections / LIMIT.seconds;
    return Math.min(until.length, LIMIT.connections + filled);
  }
}

/**
 * Judges the captured attempts anew, with the times at which they came. Attempts alone: of two that
 * come at the moment in which one more may pass, the matcher may choose the other, and would then
 * take what follows the one that did pass for more attempts.
 */
function judge(file: string): Map<string, Seen> {
  const matcher = new Matcher(POLICY, { flows: 1 << 14 });
  const seen = new Map(CLIENTS.map(({ name }) => [name, new Seen()]));
  readCapture(file, (packet, { view }) => {
    if (!packet.hasTcpFlags || (packet.tcpFlags & TcpFlag.syn) === 0) return;
    const isAnswer = (packet.tcpFlags & TcpFlag.ack) !== 0;
    const peer = isAnswer ? destinationOf(packet) : sourceOf(packet);
    const client = CLIENTS.find(({ sources }) => sources.includes(peer));
    if (!client) return;
    const one = seen.get(client.name)!;
    const time = packet.seconds + packet.microseconds / 1e6;
    if (isAnswer) return void one.answered.push(time);
    one.attempts.push(time);
    packet.direction = Direction.incoming;
    if (reasonOf(matcher.decide(packet, view)) !== Reason.rateLimit) one.matched++;
  });
  return seen;
}

function sourceOf({ family, source0, source1, source2, source3 }: ParsedPacket): string {
  return formatAddress(family as Family, source0, source1, source2, source3);
}

function destinationOf(packet: ParsedPacket): string {
  const { family, destination0, destination1, destination2, destination3 } = packet;
  return formatAddress(family as Family, destination0, destination1, destination2, destination3);
}

const MARK = "the last packet";

/** Everything that reaches the local end, before any rule sees it, and everything that leaves it. */
async function whileCapturing<T>(link: Link, file: string, run: () => Promise<T>): Promise<T> {
  const tcpdump = `exec tcpdump -i veth-0 -n -U -s 128 -B 16384 -Z root -w ${file} tcp or udp 2>&1`;
  await using capture = link.local.spawn(["sh", "-c", tcpdump]);
  let line = await capture.line();
  while (line !== undefined && !line.includes("listening on")) line = await capture.line();
  ok(line !== undefined, "tcpdump ended");
  const result = await run();
  // What tcpdump has not read when it is ended is lost: so wait for a packet behind all others.
  const mark = `echo -n '${MARK}' | nc -u -q 0 10.9.0.1 9`;
  await link.remote.run(["sh", "-c", mark]);
  const isWhole = () => new TextDecoder("latin1").decode(Deno.readFileSync(file)).includes(MARK);
  ok(await eventually(isWhole, (isWhole) => isWhole));
  capture.signal("SIGINT");
  while (await capture.line() !== undefined);
  return result;
}

/** Gives the remote end an address beside its own, and a network of its own. */
async function addAddresses({ local, remote }: Link): Promise<void> {
  const more = ["10.9.0.3/24", "fd09::3/64", "fd09:0:0:1::2/64"];
  for (const address of more) {
    const options = address.includes(":") ? ["nodad"] : [];
    await remote.run(["ip", "address", "add", address, "dev", "veth-0", ...options]);
  }
  await local.run(["ip", "-6", "route", "add", "fd09:0:0:1::/64", "dev", "veth-0"]);
}

function isNear(count: number, expected: number, what: string): void {
  const text = `${what}: ${count} instead of ${expected.toFixed(1)}`;
  ok(Math.abs(count - expected) <= Math.max(1, TOLERANCE * expected), text);
}

const REAL = "300 connections a second: 100 pass, then 10 a second; others are untouched";

kernelTestOnce(REAL, async (test) => {
  if (!hasLibpcap) {
    await test.step({ name: "left out: needs libpcap", ignore: true, fn: () => {} });
    return;
  }
  await using link = await createPair();
  await addAddresses(link);
  const directory = await Deno.makeTempDir();
  const file = join(directory, "packets.pcap");
  await enforcerIn(link.local, directory).apply(POLICY);
  const { opened, accepted } = await whileCapturing(link, file, () => connectAll(link));
  const seen = judge(file);
  let limited = 0;
  for (const [at, { name, sources, rate }] of CLIENTS.entries()) {
    const one = seen.get(name)!;
    const { attempts, answered, matched } = one;
    const count = accepted.filter((source) => sources.includes(source)).length;
    limited += attempts.length - count;
    await test.step(name, () => {
      ok(attempts.length >= opened[at], `${attempts.length} packets of ${opened[at]}`);
      ok(opened[at] > 0.9 * rate * SECONDS, `${opened[at]} opened`);
      const expected = one.expectedUntil(attempts[attempts.length - 1]);
      isNear(count, expected, "accepted");
      isNear(answered.length, count, "answered");
      isNear(matched, count, "let pass by the matcher");
      for (let second = 1; second < SECONDS; second++) {
        const end = attempts[0] + second;
        const until = answered.filter((time) => time <= end).length;
        isNear(until, one.expectedUntil(end), `after ${second} s`);
      }
      if (rate < 300) equal(count, opened[at], "every one passes");
      else ok(count < opened[at] / 5);
    });
  }
  // The last attempts may still be repeated when the capture has ended.
  isNear((await dropCounters(link.local))["PFW-D-rate_limit"], limited, "dropped");
  await Deno.remove(directory, { recursive: true });
}, ["tcpdump", "nc"]);
