/**
 * What happens in the pictures of the dashboard: a small server, its visitors and those who try
 * their luck. All addresses are of the documentation ranges (RFC 5737).
 */
import type { BackgroundProcess, Link } from "../tests/support/netns.ts";

const SERVER = "192.0.2.10";
const VISITORS = Array.from({ length: 12 }, (_, at) => `198.51.100.${20 + at * 7}`);
const OFFICE = "198.51.100.4";
const LISTED = ["203.0.113.66", "203.0.113.67"];
const KNOCKERS = Array.from({ length: 9 }, (_, at) => `203.0.113.${100 + at * 13}`);
const SCANNERS = ["203.0.113.7", "203.0.113.23"];
const HURRIED = "203.0.113.201";

/** The configuration of the small server. */
export function townConfig(feed: string) {
  const rule = (name: string, action: string, rest: Record<string, unknown>) => ({
    name,
    action,
    ...rest,
  });
  return {
    default_policy: "block",
    blacklist_ips: LISTED,
    rules: [
      rule("SSH from the office", "allow", {
        protocol: "tcp",
        ports: [22],
        source_ips: ["198.51.100.0/28"],
        direction: "in",
      }),
      rule("Telnet, SMB and remote desktops", "block", {
        protocol: "tcp",
        ports: [23, 445, 3389, "5900-5903"],
      }),
      rule("Web for everybody", "allow", { protocol: "tcp", ports: [80, 443], direction: "in" }),
      rule("Name service", "allow", { protocol: "udp", ports: [53], direction: "in" }),
      rule("What this machine opens", "allow", { direction: "out" }),
    ],
    rate_limit: { connections: 60, seconds: 10 },
    threat_feeds: [{ name: "Own list", url: `file://${feed}`, format: "plain" }],
    detection: { blocked_hits: { hits: 60 }, connection_burst: { enabled: false } },
    logging: { allowed_sample: 0.2 },
  };
}

/** A feed that nobody in the pictures is on: documentation addresses have no place in one. */
export function townFeed(): string {
  const entries = Array.from({ length: 4_000 }, (_, at) => `11.${at >> 8}.${at & 255}.17`);
  return entries.join("\n");
}

/** Gives both ends their addresses, on `eth0` and without IPv6, which would fill the log. */
export async function settle({ local, remote }: Link): Promise<void> {
  const own = [OFFICE, HURRIED, ...VISITORS, ...LISTED, ...KNOCKERS, ...SCANNERS];
  for (const [end, addresses] of [[local, [SERVER]], [remote, own]] as const) {
    await end.run(["sysctl", "-qw", "net.ipv6.conf.veth-0.disable_ipv6=1"]);
    await end.run(["ip", "address", "flush", "dev", "veth-0"]);
    await end.run(["ip", "link", "set", "veth-0", "down"]);
    await end.run(["ip", "link", "set", "veth-0", "name", "eth0"]);
    await end.run(["ip", "link", "set", "eth0", "up"]);
    for (const address of addresses) {
      await end.run(["ip", "address", "add", `${address}/32`, "dev", "eth0"]);
    }
    await end.run(["ip", "route", "add", "default", "dev", "eth0"]);
  }
}

/** Answers on the ports of the small server. */
const SERVE = `
import os, random, socket, sys, threading
def tcp(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((sys.argv[1], port))
    s.listen(512)
    while True:
        c, _ = s.accept()
        try:
            c.recv(2048)
            c.sendall(os.urandom(random.choice([400, 1800, 9000, 40000])))
        except OSError:
            pass
        c.close()
def udp(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((sys.argv[1], port))
    while True:
        data, peer = s.recvfrom(2048)
        s.sendto(os.urandom(120), peer)
for port in (22, 80, 443): threading.Thread(target=tcp, args=(port,), daemon=True).start()
print("ready", flush=True)
udp(53)
`;

/** Visits and knocks until it is ended; the rates swing, as they do. */
const LIVE = `
import json, math, random, socket, sys, threading, time
server, visitors, office, listed, knockers, hurried = json.loads(sys.argv[1])
begin = time.monotonic()
def swing(period, low):
    return low + (1 - low) * (1 + math.sin((time.monotonic() - begin) * 2 * math.pi / period)) / 2
def visit(source, port, patience=2):
    try:
        with socket.socket() as s:
            s.settimeout(patience)
            s.bind((source, 0))
            s.connect((server, port))
            s.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
            while s.recv(65536): pass
    except OSError:
        pass
def ask(source):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, 0))
        s.sendto(b"x" * 40, (server, 53))
def often(seconds, work):
    def run():
        while True:
            time.sleep(random.expovariate(1 / seconds) / swing(70, 0.35))
            work()
    threading.Thread(target=run, daemon=True).start()
for source in visitors:
    often(2, lambda source=source: visit(source, random.choice([443, 443, 443, 80])))
    often(1.5, lambda source=source: ask(source))
often(3, lambda: visit(office, 22))
for at, source in enumerate(knockers):
    often(0.8 + at / 2, lambda source=source: visit(source, random.choice([23, 445, 3389]), 0.2))
    often(1.2 + at / 2, lambda source=source: visit(source, random.choice([1433, 6379, 8080, 9200]), 0.2))
for source in listed:
    often(0.8, lambda source=source: visit(source, 443, 0.2))
def hurry():
    until = time.monotonic() + 4
    while time.monotonic() < until:
        visit(hurried, 443, 0.05)
        time.sleep(0.02)
often(25, hurry)
print("ready", flush=True)
time.sleep(3600)
`;

/** Starts the server's services and its visitors. */
export async function live({ local, remote }: Link): Promise<BackgroundProcess[]> {
  const cast = JSON.stringify([SERVER, VISITORS, OFFICE, LISTED, KNOCKERS, HURRIED]);
  const started = [
    local.spawn(["python3", "-c", SERVE, SERVER]),
    remote.spawn(["python3", "-c", LIVE, cast]),
  ];
  for (const one of started) {
    if (await one.line() !== "ready") throw new Error("the traffic did not begin");
  }
  return started;
}

/** Who scans, and whom. */
export const SCANS: readonly (readonly [from: string, to: string])[] = SCANNERS.map(
  (from) => [from, SERVER],
);
