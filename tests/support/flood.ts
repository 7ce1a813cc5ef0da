/** Exact numbers of packets, and the kernel's own count of what it dropped. */
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import type { NetworkNamespace } from "./netns.ts";
import type { Sandbox } from "./sandbox.ts";

/** Raw TCP needs a checksum: connection tracking calls a packet without one invalid. */
const FLOOD = `
import socket, struct, sys, time
protocol, source, to, source_port, port, count = sys.argv[1:7]
source_port, port, count = int(source_port), int(port), int(count)
family = socket.AF_INET6 if ":" in to else socket.AF_INET
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 65535) + (total >> 16)
    return ~total & 65535
if protocol == "udp":
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((source, source_port))
    packet, target = b"x" * 32, (to, port)
else:
    flags = {"tcp-syn": 2, "tcp-rst": 4}[protocol]
    s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
    s.bind((source, 0))
    header = struct.pack("!HHIIBBHHH", source_port, port, 1, 0, 80, flags, 1024, 0, 0)
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, to)
    check = checksum(ends + struct.pack("!HH", 6, len(header)) + header)
    packet, target = header[:16] + struct.pack("!H", check) + header[18:], (to, 0)
refused = 0
for number in range(count):
    try:
        s.sendto(packet, target)
    except PermissionError:
        refused += 1
    # The queue between the ends holds about a thousand packets.
    if number % 50 == 49:
        time.sleep(0.001)
print(refused)
`;

/** Packets of one flow. */
export interface Flood {
  readonly protocol: "udp" | "tcp-syn" | "tcp-rst";
  readonly from: string;
  readonly to: string;
  readonly sourcePort: number;
  readonly port: number;
  readonly count: number;
}

/** Sends them, and returns how many the sender's own kernel refused to send. */
export async function flood(namespace: NetworkNamespace, packets: Flood): Promise<number> {
  const { protocol, from, to, sourcePort, port, count } = packets;
  const words = [protocol, from, to, `${sourcePort}`, `${port}`, `${count}`];
  return Number(await namespace.run(["python3", "-c", FLOOD, ...words]));
}

/** Packets that the DROP rules of pfw's chains counted, both families, by chain; without zeros. */
export async function dropCounters(namespace: NetworkNamespace): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const program of ["iptables-save", "ip6tables-save"]) {
    const saved = await namespace.run([program, "-c"]);
    for (const [, packets, chain] of saved.matchAll(/^\[(\d+):\d+\] -A (PFW-\S+) -j DROP$/gm)) {
      if (packets !== "0") sums[chain] = (sums[chain] ?? 0) + Number(packets);
    }
  }
  return sums;
}

/** Asks the database of a sandbox, as anybody with the `sqlite3` shell may while pfw runs. */
export function query(sandbox: Sandbox, sql: string): Record<string, SQLOutputValue>[] {
  const db = new DatabaseSync(sandbox.paths.database, { readOnly: true, timeout: 10_000 });
  try {
    return db.prepare(sql).all().map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

/** Sum of `hits` in `blocked_packets`. */
export function blockedHits(sandbox: Sandbox, where = "true"): number {
  const [row] = query(sandbox, `SELECT total(hits) AS hits FROM blocked_packets WHERE ${where}`);
  return Number(row.hits);
}
