/**
 * Probes in words: `in tcp 2001 10.9.0.2` is the remote end at 10.9.0.2 asking port 2001 of the
 * local one, `out icmp fd09::2` the local end pinging the remote one. Each carries a token of its
 * own, and the asked end says which tokens arrived, so that "does not arrive" is seen, not guessed.
 */
import { deepEqual } from "node:assert/strict";
import { BackgroundProcess, type Link, type NetworkNamespace } from "./netns.ts";

/** Ports that both ends serve. */
export const SERVED: readonly number[] = [2001, 2002, 2003, 2004];

/** What `createPair` gives the ends, and what the remote end gets besides. */
const LOCAL: readonly string[] = ["10.9.0.1", "fd09::1"];
const REMOTE: readonly string[] = ["10.9.0.2", "fd09::2"];
const FURTHER: readonly string[] = ["10.9.0.3", "10.9.0.130", "fd09::3", "fd09::1:2"];

/** Serves TCP, UDP and raw ICMP; prints `ready`, then each token that arrives. */
const SERVER = `
import json, selectors, socket, sys
addresses, ports = json.loads(sys.argv[1])
poll = selectors.DefaultSelector()
def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET
def arrived(data):
    print(data.decode("ascii", "replace"), flush=True)
for address in addresses + ["127.0.0.1"]:
    for port in ports:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            s = socket.socket(family_of(address), kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((address, port))
            if kind == socket.SOCK_STREAM:
                s.listen(64)
            poll.register(s, selectors.EVENT_READ, "tcp" if kind == socket.SOCK_STREAM else "udp")
raw4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
raw6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
poll.register(raw4, selectors.EVENT_READ, "icmp4")
poll.register(raw6, selectors.EVENT_READ, "icmp6")
print("ready", flush=True)
while True:
    for key, _ in poll.select():
        s = key.fileobj
        try:
            if key.data == "tcp":
                poll.register(s.accept()[0], selectors.EVENT_READ, "open")
            elif key.data == "udp":
                data, peer = s.recvfrom(2048)
                arrived(data)
                s.sendto(data, peer)
            elif key.data == "open":
                data = s.recv(2048)
                if data:
                    arrived(data)
                    s.sendall(data)
                else:
                    poll.unregister(s)
                    s.close()
            else:
                data = s.recv(2048)
                if key.data == "icmp4":
                    data = data[(data[0] & 15) * 4:]
                if data[0] in (8, 128):
                    arrived(data[8:])
        except OSError:
            pass
`;

/** Sends every probe of a list at once; prints for each whether an answer came. */
const CLIENT = `
import json, socket, struct, sys, threading, time
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 65535) + (total >> 16)
    return ~total & 65535
def exchange(probe):
    token = probe["token"].encode()
    family = socket.AF_INET6 if ":" in probe["to"] else socket.AF_INET
    if probe["protocol"] == "icmp":
        v6 = family == socket.AF_INET6
        kind = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
        s = socket.socket(family, socket.SOCK_RAW, kind)
        packet = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, int(token[6:]) % 65536, 1) + token
        if not v6:
            packet = packet[:2] + struct.pack("!H", checksum(packet)) + packet[4:]
    else:
        kind = socket.SOCK_STREAM if probe["protocol"] == "tcp" else socket.SOCK_DGRAM
        s = socket.socket(family, kind)
        packet = token
    end = time.monotonic() + probe["seconds"]
    with s:
        s.settimeout(probe["seconds"])
        s.bind((probe["from"], 0))
        s.connect((probe["to"], probe["port"]))
        s.sendall(packet)
        while time.monotonic() < end:
            data = s.recv(2048)
            if not data:
                return False
            if not data.endswith(token):
                continue
            if probe["protocol"] != "icmp" or data[-len(token) - 8] in (0, 129):
                return True
    return False
def attempt(at, probe):
    try:
        answered[at] = exchange(probe)
    except OSError:
        pass
probes = json.loads(sys.argv[1])
answered = [False] * len(probes)
threads = [threading.Thread(target=attempt, args=item) for item in enumerate(probes)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(answered))
`;

/** Sends one token to the server of its own namespace. */
const MARK = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(sys.argv[1].encode(), ("127.0.0.1", int(sys.argv[2])))
`;

/** Seconds without an answer after which a probe that should be blocked counts as such. */
const SILENCE = 0.5;
/** Seconds that an answer which should come may take: generous, for it comes at once. */
const PATIENCE = 20;

let tokens = 0;

/** 16 bytes; the number also becomes the identifier of an echo request. */
function newToken(): string {
  return `token-${String(++tokens).padStart(10, "0")}`;
}

/** A server that remembers the tokens that arrived. */
export class Recorder implements AsyncDisposable {
  readonly #tokens = new Set<string>();

  private constructor(
    private readonly namespace: NetworkNamespace,
    private readonly process: BackgroundProcess,
  ) {}

  static async start(namespace: NetworkNamespace, addresses: readonly string[]): Promise<Recorder> {
    const served = JSON.stringify([addresses, SERVED]);
    const process = namespace.spawn(["python3", "-c", SERVER, served]);
    if (await process.line() !== "ready") throw new Error("the server did not start");
    return new Recorder(namespace, process);
  }

  /** Everything that arrived until now. */
  async arrived(): Promise<ReadonlySet<string>> {
    const mark = newToken();
    await this.namespace.run(["python3", "-c", MARK, mark, `${SERVED[0]}`]);
    for (let line = ""; line !== mark;) {
      const next = await this.process.line();
      if (next === undefined) throw new Error("the server ended");
      this.#tokens.add(line = next);
    }
    return this.#tokens;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

interface Probe {
  readonly token: string;
  readonly protocol: string;
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly seconds: number;
}

/** What is expected of a scene's probes. */
export interface Expected {
  readonly passes: readonly string[];
  readonly blocked: readonly string[];
}

/** Both ends of a link with their servers. */
export class Probes implements AsyncDisposable {
  private constructor(
    private readonly link: Link,
    private readonly local: Recorder,
    private readonly remote: Recorder,
  ) {}

  /** Gives the remote end its further addresses and starts both servers. */
  static async start(link: Link): Promise<Probes> {
    for (const address of FURTHER) {
      const [length, ...options] = address.includes(":") ? ["64", "nodad"] : ["24"];
      const words = ["add", `${address}/${length}`, "dev", "veth-0", ...options];
      await link.remote.run(["ip", "address", ...words]);
    }
    const local = await Recorder.start(link.local, LOCAL);
    return new Probes(link, local, await Recorder.start(link.remote, [...REMOTE, ...FURTHER]));
  }

  /** Sends all probes and compares: what passes arrives and is answered, the rest does neither. */
  async expect({ passes, blocked }: Expected): Promise<void> {
    const texts = [...passes, ...blocked];
    const probes = texts.map((text, at) => parse(text, at < passes.length ? PATIENCE : SILENCE));
    const sent = await Promise.all([
      this.#send(this.link.remote, probes.filter((_, at) => texts[at].startsWith("in "))),
      this.#send(this.link.local, probes.filter((_, at) => texts[at].startsWith("out "))),
    ]);
    const answered = new Set(sent.flat());
    const arrived = new Set([...await this.local.arrived(), ...await this.remote.arrived()]);
    const fates = texts.map((text, at) => {
      const { token } = probes[at];
      const words = [arrived.has(token) ? "arrived" : "", answered.has(token) ? "answered" : ""];
      return [text, words.filter(Boolean).join(", ") || "blocked"];
    });
    const wanted = texts.map((text, at) => [
      text,
      at < passes.length ? "arrived, answered" : "blocked",
    ]);
    deepEqual(Object.fromEntries(fates), Object.fromEntries(wanted));
  }

  /** Returns the tokens that were answered. */
  async #send(from: NetworkNamespace, probes: readonly Probe[]): Promise<string[]> {
    if (probes.length === 0) return [];
    const output = await from.run(["python3", "-c", CLIENT, JSON.stringify(probes)]);
    const answered = JSON.parse(output) as boolean[];
    return probes.filter((_, at) => answered[at]).map(({ token }) => token);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.local[Symbol.asyncDispose]();
    await this.remote[Symbol.asyncDispose]();
  }
}

function parse(text: string, seconds: number): Probe {
  const words = /^(in|out) (?:(tcp|udp) (\d+)|(icmp)) (\S+)$/.exec(text);
  if (!words) throw new Error(`no probe: ${text}`);
  const [, direction, transport, port, icmp, remote] = words;
  const local = LOCAL[remote.includes(":") ? 1 : 0];
  const [from, to] = direction === "in" ? [remote, local] : [local, remote];
  return {
    token: newToken(),
    protocol: transport ?? icmp,
    from,
    to,
    port: Number(port ?? 0),
    seconds,
  };
}
