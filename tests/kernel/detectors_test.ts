/**
 * Who is banned and who is not, with real programs: scanners and floods on one side, on the other a
 * busy browser, a resolver, a file sharer and their peers.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { BanView } from "../../engine/bans/ban.ts";
import { createPair, kernelTest, type Link } from "../support/netns.ts";
import { eventually, type RunningPfw, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

/** Defaults, without a feed to fetch. */
const CONFIG = { threat_feeds: [] };

/** What `tcpdump` saw first, in milliseconds since 1970. */
async function withFirstPacket(link: Link, attack: () => Promise<void>): Promise<number> {
  const words = ["tcpdump", "-i", "veth-0", "-n", "-tt", "-l", "-c", "1", "--immediate-mode"];
  await using dump = link.local.spawn([...words, "src host 10.9.0.2 and (tcp or udp)"]);
  // It prints nothing when it is ready; a packet of no interest shows that it is.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await attack();
  const line = await dump.line();
  return 1000 * Number(line?.split(" ", 1)[0]);
}

async function bansOf(link: Link, sandbox: Sandbox): Promise<BanView[]> {
  const { out, err, code } = await runPfw(link.local, sandbox, ["bans", "list", "--json"]);
  equal(code, 0, err);
  return JSON.parse(out).bans;
}

/** Lets `words` attack from the remote end; returns the ban that this led to. */
async function banAfter(
  words: readonly string[],
  from = "10.9.0.2",
): Promise<{ ban: BanView; delay: number }> {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  await using pfw = await startPfw(link.local, sandbox);
  await using background = new AsyncDisposableStack();
  const first = await withFirstPacket(link, () => {
    background.use(link.remote.spawn(words));
    return Promise.resolve();
  });
  const bans = await eventually(() => bansOf(link, sandbox), (bans) => bans.length > 0);
  deepEqual(bans.map(({ address }) => address), [from]);
  await isCut(link);
  await pfw.end();
  return { ban: bans[0], delay: Date.parse(bans[0].since) - first };
}

async function isCut({ remote, local }: Link): Promise<void> {
  const { status } = await remote.commands.run(["ping", "-c", "1", "-W", "1", "10.9.0.1"]);
  ok(status !== 0, "a banned source is still answered");
  const listed = await local.run(["ipset", "test", "pfw-ban4", "10.9.0.2"]).catch(String);
  ok(!/is NOT/.test(listed), listed);
}

/** Milliseconds from an attack's first packet to the ban. */
const SOON = 1_000;

kernelTest("nmap -sS is banned within a second of its first probe", async () => {
  const { ban, delay } = await banAfter(["nmap", "-n", "-Pn", "-sS", "10.9.0.1"]);
  equal(ban.cause, "port_scan");
  ok(delay <= SOON, `${delay} ms`);
}, ["nmap", "tcpdump"]);

kernelTest("nmap -sU is banned within a second of its first probe", async () => {
  const { ban, delay } = await banAfter(["nmap", "-n", "-Pn", "-sU", "10.9.0.1"]);
  equal(ban.cause, "port_scan");
  ok(delay <= SOON, `${delay} ms`);
}, ["nmap", "tcpdump"]);

kernelTest("hping3 --flood -S is banned within a second of its first packet", async () => {
  const words = ["hping3", "-q", "--flood", "-S", "-p", "80", "10.9.0.1"];
  const { ban, delay } = await banAfter(words);
  equal(ban.cause, "syn_flood");
  ok(delay <= SOON, `${delay} ms`);
}, ["hping3", "tcpdump"]);

/** Accepts on TCP ports and sends each client some bytes; answers every datagram; prints `ready`. */
const SERVER = `
import asyncio, sys
addresses, tcp, udp = sys.argv[1].split(","), sys.argv[2], sys.argv[3]
async def serve(reader, writer):
    try:
        while await reader.read(1024):
            writer.write(b"x" * 20000)
            await writer.drain()
    except OSError:
        pass
    writer.close()
class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, peer):
        self.transport.sendto(data, peer)
async def main():
    loop = asyncio.get_running_loop()
    for address in addresses:
        for port in filter(None, tcp.split(",")):
            await asyncio.start_server(serve, address, int(port), backlog=512)
        for port in filter(None, udp.split(",")):
            await loop.create_datagram_endpoint(Echo, (address, int(port)))
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
`;

/**
 * Talks to many at once: each line of standard input is \`protocol source target port times\`. Prints
 * how many were answered.
 */
const CLIENT = `
import asyncio, socket, sys
async def talk(protocol, source, target, port, times):
    answered = 0
    for _ in range(times):
        try:
            if protocol == "tcp":
                local = None if source == "-" else (source, 0)
                reader, writer = await asyncio.wait_for(
                    asyncio.open_connection(target, port, local_addr=local), 2)
                writer.write(b"GET / HTTP/1.1\\r\\n\\r\\n")
                answered += len(await asyncio.wait_for(reader.read(1024), 2)) > 0
                writer.close()
            else:
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.setblocking(False)
                if source != "-":
                    s.bind((source, 0))
                s.connect((target, port))
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(s, b"question")
                answered += len(await asyncio.wait_for(loop.sock_recv(s, 512), 2)) > 0
                s.close()
        except (OSError, asyncio.TimeoutError):
            pass
    return answered
async def main():
    work = [line.split() for line in sys.stdin]
    done = await asyncio.gather(*(talk(p, s, t, int(n), int(c)) for p, s, t, n, c in work))
    print(sum(done))
asyncio.run(main())
`;

interface Ends {
  readonly link: Link;
  readonly sandbox: Sandbox;
  readonly pfw: RunningPfw;
}

/** Runs a scene with pfw at the local end; nobody may be banned for it. */
async function nobodyIsBanned(scene: (ends: Ends) => Promise<void>, config = {}): Promise<void> {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ ...CONFIG, ...config });
  await using pfw = await startPfw(link.local, sandbox);
  await scene({ link, sandbox, pfw });
  // What was found is acted upon at once; a second leaves room for more.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  deepEqual(await bansOf(link, sandbox), []);
  const log = Deno.readTextFileSync(sandbox.paths.log);
  ok(!/banned|would ban/.test(log), log);
  await pfw.end();
}

async function serve(end: Link["local"], addresses: string[], tcp: number[], udp: number[]) {
  const words = [addresses.join(), tcp.join(), udp.join()];
  const server = end.spawn(["python3", "-c", SERVER, ...words]);
  equal(await server.line(), "ready");
  return server;
}

/** Returns how many of the conversations were answered. */
async function talk(end: Link["local"], conversations: readonly string[]): Promise<number> {
  const out = await end.run(["python3", "-c", CLIENT], conversations.join("\n") + "\n");
  return Number(out);
}

const times = (count: number, line: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => line(at));

kernelTest(
  "a browser with 60 connections to one host at once is not banned, either way",
  async () => {
    await nobodyIsBanned(async ({ link }) => {
      await using _there = await serve(link.remote, ["10.9.0.2"], [443, 8080], []);
      await using _here = await serve(link.local, ["10.9.0.1"], [443], []);
      equal(await talk(link.local, times(60, () => "tcp - 10.9.0.2 443 3")), 180);
      // From outside: the rate limit lets 100 through at once.
      equal(await talk(link.remote, times(60, () => "tcp - 10.9.0.1 443 1")), 60);
    });
  },
);

kernelTest("resolvers that answer are not banned, nor who asks this one", async () => {
  await nobodyIsBanned(async ({ link }) => {
    await using _there = await serve(link.remote, ["10.9.0.2"], [], [53]);
    // As many at once as a socket's buffer surely holds.
    const answered = await talk(link.local, times(100, () => "udp - 10.9.0.2 53 6"));
    ok(answered > 570, `${answered} of 600 answered`);
    await using _here = await serve(link.local, ["10.9.0.1"], [], [53]);
    // Questions come from a new port each: the rate limit counts them as connections.
    const asked = await talk(link.remote, times(80, () => "udp - 10.9.0.1 53 1"));
    ok(asked > 75, `${asked} of 80 answered`);
  });
});

kernelTest("a file sharer with 300 peers, of which some call back, bans none of them", async () => {
  await nobodyIsBanned(async ({ link }) => {
    const peers = times(300, (at) => `10.10.${Math.floor(at / 200)}.${1 + at % 200}`);
    const commands = peers.map((peer) => `address add ${peer}/16 dev veth-0`).join("\n");
    await link.remote.run(["ip", "-batch", "-"], commands + "\n");
    await link.local.run(["ip", "route", "add", "10.10.0.0/16", "dev", "veth-0"]);
    // Two thirds serve, one third is gone: its answers are resets and ICMP errors.
    const serving = peers.filter((_, at) => at % 3 < 2);
    await using _there = await serve(link.remote, serving, [51_413], [51_413]);
    await using _here = await serve(link.local, ["10.9.0.1"], [6881], [6881]);
    const out = peers.flatMap((peer) => [`tcp - ${peer} 51413 1`, `udp - ${peer} 51413 2`]);
    const answered = await talk(link.local, out);
    ok(answered > 2.9 * serving.length, `${answered} answered`);
    const back = serving.flatMap((peer) =>
      ["tcp", "udp"].map((protocol) => `${protocol} ${peer} 10.9.0.1 6881 2`)
    );
    const heard = await talk(link.remote, back);
    ok(heard > 3.9 * serving.length, `${heard} heard`);
  });
});

kernelTest("with dry_run detectors say whom they would ban, and ban nobody", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  // The scan alone would use up its source's rate.
  const config = { detection: { dry_run: true }, rate_limit: { enabled: false } };
  sandbox.writeConfig({ ...CONFIG, ...config });
  await using pfw = await startPfw(link.local, sandbox);
  await using _scan = link.remote.spawn(["nmap", "-n", "-Pn", "-sS", "10.9.0.1"]);
  const log = await eventually(
    () => Deno.readTextFileSync(sandbox.paths.log),
    (text) => /would ban/.test(text),
  );
  ok(/would ban 10\.9\.0\.2: port scan/.test(log), log);
  deepEqual(await bansOf(link, sandbox), []);
  await link.remote.run(["ping", "-c", "1", "-W", "2", "10.9.0.1"]);
  await pfw.end();
}, ["nmap"]);
